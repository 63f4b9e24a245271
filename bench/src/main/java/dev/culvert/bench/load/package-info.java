/**
 * Small programs that load a tunnel, or stand behind one; each runs in a process of its own, on the host where it
 * belongs.
 */
package dev.culvert.bench.load;
