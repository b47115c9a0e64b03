/** Whether a local service answers our own loopback address as it answers 127.0.0.1: if not, which line its owner must write. */

import { connect } from 'node:net';
import { systemCode } from '../../core/system-error.ts';

export type SourceFinding =
  /** It accepts and answers both alike. */
  | Readonly<{ is: 'same' }>
  /** It treats 127.0.0.1 as somebody special: `lines` tell how to let our address in. */
  | Readonly<{ is: 'source-refused'; why: string; lines: readonly string[] }>
  /** This system gives no second loopback address (macOS without set-up, ::1, a service on another machine). */
  | Readonly<{ is: 'not-possible-here'; why: string }>
  /** It answers neither. */
  | Readonly<{ is: 'service-down'; why: string }>;

export type ProbeOptions = Readonly<{
  host: string;
  port: number;
  /** `127.83.x.y`, as `ownSource` gives it. */
  source: string;
  /** `http` asks for `/` and compares the status; `tcp` only looks whether the connection stays. */
  speaks: 'http' | 'tcp';
  timeoutMs?: number;
}>;

type Heard = Readonly<{ is: 'open'; status: string | null; server: string }> | Readonly<{ is: 'shut'; code: string }>;

const timeoutMsDefault = 2_000;
/** How long a connection must stand to count as taken: tcpd and pg_hba take it first and close then. */
const standMs = 150;
const headBytesMax = 16_384;

/** Opens two connections to the service, one after the other; sends at most a GET of `/`. Never throws. */
export async function probeSource(options: ProbeOptions): Promise<SourceFinding> {
  if (!options.host.startsWith('127.')) return { is: 'not-possible-here', why: `${options.host} is no 127.x.y.z address of this machine` };
  const usual = await ask(options, '127.0.0.1');
  if (usual.is === 'shut') return { is: 'service-down', why: `${options.host}:${options.port} does not answer (${usual.code})` };
  const ours = await ask(options, options.source);
  if (ours.is === 'shut' && (ours.code === 'EADDRNOTAVAIL' || ours.code === 'EINVAL')) {
    return { is: 'not-possible-here', why: `this system has no address ${options.source}` };
  }
  if (ours.is === 'open' && (ours.status === usual.status || !isRefusal(ours.status))) return { is: 'same' };
  const why =
    ours.is === 'shut'
      ? `it cuts connections from ${options.source} (${ours.code})`
      : `it answers ${options.source} with ${ours.status ?? 'nothing'}, and 127.0.0.1 with ${usual.status ?? 'nothing'}`;
  return { is: 'source-refused', why, lines: linesFor(usual.server, options.port) };
}

/** Another status alone is no refusal: pages change, and counters run out. */
function isRefusal(status: string | null): boolean {
  return status === null || status === '401' || status === '403' || status === '407' || status === '421';
}

/** What the owner of a service writes to let 127.83.0.0/16 in as before. Which one it is, is a guess by its name and port. */
function linesFor(server: string, port: number): readonly string[] {
  if (/nginx|openresty/i.test(server)) return ['nginx, where "allow 127.0.0.1;" stands:  allow 127.83.0.0/16;'];
  if (/apache/i.test(server)) return ['Apache, beside "Require local" or "Require ip":  Require ip 127.83.0.0/16'];
  if (/caddy/i.test(server)) return ['Caddy, in the matcher:  remote_ip 127.0.0.1 127.83.0.0/16'];
  if (port === 5432) return ['PostgreSQL, in pg_hba.conf:  host all all 127.83.0.0/16 scram-sha-256'];
  if (port === 3306) return ["MySQL, MariaDB:  CREATE USER 'name'@'127.83.%' IDENTIFIED BY …"];
  if (port === 6379) return ['Redis: protected mode takes 127.0.0.1 only; set a password (requirepass), then protected-mode no'];
  return [
    'Let 127.83.0.0/16 in beside 127.0.0.1 where the service lists trusted addresses,',
    'or write "from: 127.0.0.1" for this service: then every visitor looks local to it, which is a risk.',
  ];
}

function ask({ host, port, speaks, timeoutMs = timeoutMsDefault }: ProbeOptions, localAddress: string): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress });
    let head = '';
    let stand: NodeJS.Timeout | undefined;
    const settle = (heard: Heard): void => {
      clearTimeout(timer);
      clearTimeout(stand);
      socket.destroy();
      resolve(heard);
    };
    const timer = setTimeout(() => settle(socket.connecting ? { is: 'shut', code: 'ETIMEDOUT' } : heardIn(head)), timeoutMs);
    socket.on('connect', () => {
      if (speaks === 'http')
        socket.write(`GET / HTTP/1.1\r\nHost: ${host}:${port}\r\nUser-Agent: sallyport-check\r\nConnection: close\r\n\r\n`);
      else stand = setTimeout(() => settle({ is: 'open', status: null, server: '' }), standMs);
    });
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1');
      if (head.includes('\r\n\r\n') || head.length > headBytesMax) settle(heardIn(head));
    });
    socket.on('error', (error) => settle({ is: 'shut', code: systemCode(error) ?? 'unknown' }));
    socket.on('close', () => settle(head === '' ? { is: 'shut', code: 'closed at once' } : heardIn(head)));
  });
}

function heardIn(head: string): Heard {
  return { is: 'open', status: /^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? null, server: /^server:[ \t]*([^\r\n]*)/im.exec(head)?.[1] ?? '' };
}
