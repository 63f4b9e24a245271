/** The client: local listeners, and the sessions that carry their connections to a server. */
package dev.culvert.client;
