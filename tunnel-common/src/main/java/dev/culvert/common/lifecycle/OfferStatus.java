package dev.culvert.common.lifecycle;

/**
 * What can be said of the offers to take the connections of a listener.
 *
 * @param listener what it is called
 * @param client who offers; empty: anybody, or this is the client
 * @param sessions in how many sessions it is offered now
 */
public record OfferStatus(String listener, String client, int sessions) {}
