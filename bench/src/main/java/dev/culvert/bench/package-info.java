/**
 * Culvert beside other tunnels: every workload with every peer in turn, round after round, in one run. What counts are the
 * ratios of one run; the figures of two machines, or of two days, have nothing to say to each other.
 */
package dev.culvert.bench;
