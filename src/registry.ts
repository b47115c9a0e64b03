/** The list of modules, by kind and name: a module's name is its file's. */

import type { Guard } from './contracts/guard.ts';
import type { Upstream } from './contracts/upstream.ts';
import { bearer } from './modules/guards/bearer.ts';
import { client } from './modules/guards/client.ts';
import { email } from './modules/guards/email.ts';
import { firewall } from './modules/guards/firewall.ts';
import { forwardAuth } from './modules/guards/forward-auth.ts';
import { ip } from './modules/guards/ip.ts';
import { key } from './modules/guards/key.ts';
import { link } from './modules/guards/link.ts';
import { login } from './modules/guards/login.ts';
import { mtls } from './modules/guards/mtls.ts';
import { oidc } from './modules/guards/oidc.ts';
import { passkey } from './modules/guards/passkey.ts';
import { password } from './modules/guards/password.ts';
import { pin } from './modules/guards/pin.ts';
import { publicGuard } from './modules/guards/public.ts';
import { quota } from './modules/guards/quota.ts';
import { rate } from './modules/guards/rate.ts';
import { size } from './modules/guards/size.ts';
import { totp } from './modules/guards/totp.ts';
import { webhook } from './modules/guards/webhook.ts';
import { http1 } from './modules/protocols/http1.ts';
import { http2 } from './modules/protocols/http2.ts';
import { raw } from './modules/protocols/raw.ts';
import { sniProtocol } from './modules/protocols/sni.ts';
import { socks5 } from './modules/protocols/socks5.ts';
import { openFileSink } from './modules/sinks/file.ts';
import { createMemorySink } from './modules/sinks/memory.ts';
import { createMemoryStore } from './modules/stores/memory.ts';
import { openSqliteStore } from './modules/stores/sqlite.ts';
import { Balancer } from './modules/upstreams/balance.ts';
import { egress } from './modules/upstreams/egress.ts';
import { folder } from './modules/upstreams/folder.ts';
import { http } from './modules/upstreams/http.ts';
import { redirect } from './modules/upstreams/redirect.ts';
import { respond } from './modules/upstreams/respond.ts';
import { tcp } from './modules/upstreams/tcp.ts';
import { throughTunnel } from './modules/upstreams/tunnel.ts';
import { udp } from './modules/upstreams/udp.ts';

/** Guards by the word that the configuration has for them. Each stands behind its own schema. */
export const guards: ReadonlyMap<string, Guard<unknown>> = byName<Guard<unknown>>([
  bearer,
  client,
  email,
  firewall,
  forwardAuth,
  ip,
  key,
  link,
  login,
  mtls,
  oidc,
  passkey,
  password,
  pin,
  publicGuard,
  quota,
  rate,
  size,
  totp,
  webhook,
]);

/** What can lie behind a service of the configuration. */
export const upstreams: ReadonlyMap<string, Upstream<unknown>> = byName<Upstream<unknown>>([
  egress,
  folder,
  http,
  redirect,
  respond,
  tcp,
  udp,
]);

/** What is wired by the gateway and the relay, which know each by its own signature. */
export const wired = {
  protocols: { http1, http2, raw, sni: sniProtocol, socks5 },
  sinks: { file: openFileSink, memory: createMemorySink },
  stores: { memory: createMemoryStore, sqlite: openSqliteStore },
  upstreams: { balance: Balancer, tunnel: throughTunnel },
} as const;

function byName<Module extends Readonly<{ name: string }>>(modules: readonly Module[]): ReadonlyMap<string, Module> {
  return new Map(modules.map((module) => [module.name, module]));
}
