/** The server: sessions from clients, and the dials that they are allowed to ask for. */
package dev.culvert.server;
