/** What is measured. */
package dev.culvert.bench.work;
