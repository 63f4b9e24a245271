/**
 * One tunnelled connection or flow of datagrams: a socket on one side, a stream on the other, and the record of what
 * became of it.
 */
package dev.culvert.common.splice;
