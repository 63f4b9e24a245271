/** TCP as both agents use it: the transport of the machine, dialling a target, and the list of what may be dialled. */
package dev.culvert.common.net;
