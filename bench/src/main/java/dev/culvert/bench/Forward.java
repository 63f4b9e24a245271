package dev.culvert.bench;

/**
 * What a tunnel is to carry.
 *
 * @param port where it listens at the entry
 * @param target the port behind the exit, on the same host
 */
public record Forward(String name, int port, int target) {}
