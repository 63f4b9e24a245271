/** The worked example: a service that hands out random numbers over streams, and an HTTP API in front of it. */
package dev.culvert.mux.example;
