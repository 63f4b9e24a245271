/** How an agent lives: the command line, start, signals, drain, exit. */
package dev.culvert.common.lifecycle;
