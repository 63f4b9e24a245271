/** The tunnels that are measured, each as its documentation says to set it up, with its defaults. */
package dev.culvert.bench.peer;
