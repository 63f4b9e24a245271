/** Reads a configuration file: everything that is wrong with it at once, each error with its line and what to do. */
package dev.culvert.common.config;
