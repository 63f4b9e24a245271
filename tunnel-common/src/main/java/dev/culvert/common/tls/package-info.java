/** Who is who: keys and their fingerprints, what is trusted, and TLS 1.3 between the two agents. */
@NullMarked
package dev.culvert.common.tls;

import org.jspecify.annotations.NullMarked;
