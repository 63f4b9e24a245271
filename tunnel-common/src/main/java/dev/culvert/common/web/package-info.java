/** WebSockets, in which sessions pass web servers. */
package dev.culvert.common.web;
