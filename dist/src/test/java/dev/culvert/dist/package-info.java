/** End-to-end tests: the launchers of the built package, as processes, with real sockets. */
package dev.culvert.dist;
