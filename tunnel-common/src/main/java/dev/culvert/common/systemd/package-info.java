/** What an agent tells systemd about itself. */
package dev.culvert.common.systemd;
