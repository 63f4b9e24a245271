/** How a running agent is seen and steered: HTTP on a unix socket or on loopback, and the client side of it. */
package dev.culvert.common.admin;
