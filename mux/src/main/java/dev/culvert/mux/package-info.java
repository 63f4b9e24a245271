/** The smux protocol as a library: sessions, streams, flow control, fair scheduling. */
package dev.culvert.mux;
