/** How a gateway gets out of its network to its relay. */

/** A proxy on the way out of a gateway's network. The credentials stand nowhere but here and on the wire to it. */
export type Proxy = Readonly<{
  is: 'http' | 'socks5';
  host: string;
  port: number;
  credentials: Readonly<{ user: string; password: string }> | null;
}>;

/** How a gateway gets to its relay. `auto`: TLS as it is, and inside a WebSocket where that does not pass. */
export type Via = Readonly<{ proxy: Proxy | null; carriers: 'auto' | 'tls' | 'websocket' }>;
