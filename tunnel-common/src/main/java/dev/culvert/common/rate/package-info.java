/** How many bytes a second may pass: token buckets, and those who wait for them. */
package dev.culvert.common.rate;
