/**
 * Culvert beside other tunnels: every workload with every peer in turn, round after round, in one run. What counts are
 * the ratios of one run; the figures of two machines, or of two days, have nothing to say to each other.
 *
 * <p>A {@link dev.culvert.bench.Bed} has two hosts, a {@link dev.culvert.bench.Peer} makes a
 * {@link dev.culvert.bench.Tunnel} between them, a {@link dev.culvert.bench.Work} loads it,
 * {@link dev.culvert.bench.Results} keeps what it yields.
 */
package dev.culvert.bench;
