# An image of each agent, from the package that brings its own Java:
#
#   mvn -DskipTests -Pjlink package
#   docker build -t tunnel-server:0.1.0 --target tunnel-server -f Dockerfile dist/target
#   docker build -t tunnel-client:0.1.0 --target tunnel-client -f Dockerfile dist/target
#
# How to run them: docs/operations.md, "In a container".

# Not Alpine: the native libraries of Netty, BoringSSL among them, are for glibc.
FROM debian:stable-slim AS agents
ADD culvert-*-linux-*.tar.gz /opt/
# The agent's own: its key, and the socket by which it is steered. Nothing else is written but /tmp.
RUN cd /opt && ln -s culvert-* culvert && culvert/bin/archive-classes \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/culvert /run/culvert
ENV PATH=/opt/culvert/bin:$PATH \
    STATE_DIRECTORY=/var/lib/culvert \
    RUNTIME_DIRECTORY=/run/culvert
VOLUME ["/etc/culvert", "/var/lib/culvert"]
# A number, so that Kubernetes sees that it is not root.
USER 10001:10001
# The launcher becomes the JVM, which drains then.
STOPSIGNAL SIGTERM

FROM agents AS tunnel-client
ENTRYPOINT ["tunnel-client"]

FROM agents AS tunnel-server
EXPOSE 7443
ENTRYPOINT ["tunnel-server"]
