package dev.culvert.common.lifecycle;

/**
 * What can be said of the offers to take the connections of a listener.
 *
 * @param listener what it is called
 * @param client who offers; empty: anybody, or this is the client
 * @param sessions in how many sessions it is offered now
 * @param own of that client, which names it as it likes
 */
public record OfferStatus(String listener, String client, int sessions, boolean own) {}
