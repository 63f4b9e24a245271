/**
 * The smux protocol as a library: sessions, streams, flow control, fair scheduling.
 *
 * <p>A session is state without I/O; {@link dev.culvert.mux.MuxConnection} joins it to a Netty channel. Everything
 * happens on that channel's event loop.
 *
 * <p>A service that answers {@code RAND} with eight bytes, for any number of streams on any number of sessions:
 *
 * <pre>{@code
 * SessionListener service = new SessionListener() {
 *     public void onStream(MuxSession session, MuxStream stream) {
 *         stream.accept();                            // the client's onOpened
 *         stream.attach(new StreamListener() {
 *             public void onData(MuxStream from, ByteBuf data) {
 *                 int bytes = data.readableBytes();
 *                 data.release();                     // ours
 *                 from.consumed(bytes);               // the client may send as much again
 *                 from.write(eightRandomBytes());     // the stream takes the buffer
 *             }
 *             public void onFin(MuxStream from) {
 *                 from.shutdownOutput();              // both directions have ended: so has the stream
 *             }
 *             public void onReset(MuxStream from, ErrorCode code, String text) {}
 *         });
 *     }
 *     public void onClosed(MuxSession session, ErrorCode code, String text) {}
 * };
 * new ServerBootstrap().group(loops).channel(NioServerSocketChannel.class)
 *     .childHandler(new ChannelInitializer<>() {
 *         protected void initChannel(Channel channel) {
 *             channel.pipeline().addLast(new MuxConnection(
 *                 new MuxSession(MuxSession.Role.SERVER, MuxSettings.of(ProtocolVersion.CULVERT), service)));
 *         }
 *     })
 *     .bind(9000);
 * }</pre>
 *
 * <p>Its client, once {@link dev.culvert.mux.SessionListener#onUp} has been called:
 *
 * <pre>{@code
 * MuxStream stream = session.open(OpenRequest.EMPTY, answer);   // answer: a StreamListener
 * stream.write(Unpooled.copiedBuffer("RAND", US_ASCII));        // at once: no round trip to wait for
 * stream.shutdownOutput();
 * }</pre>
 *
 * <p>The whole example, with an HTTP API in front of it, stands in this module's tests:
 * {@code dev.culvert.mux.example}.
 */
package dev.culvert.mux;
