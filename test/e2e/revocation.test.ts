/** What is taken away ends what runs: from the command to the closed WebSocket, through a relay, within a second. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { WebSocket } from 'ws';
import { run as runCommand } from '../../src/cli/run.ts';
import { scriptedTerminal } from '../../src/cli/scripted-terminal.ts';
import { curl, withoutCurl } from './curl.ts';
import { text } from './lines.ts';
import { freshHome, runInside } from './program.ts';
import { startService } from './service.ts';
import { echoed, openWebSocket } from './websocket.ts';

const password = 'four unrelated words here';

test(
  'a revoked session, signing out, other roles and a removed user close WebSockets within a second, through the relay',
  { skip: withoutCurl },
  async (context) => {
    const { port } = await startService(context);
    const home = await freshHome(context);
    const share = runInside(context, ['http', String(port), '--password', 'ana'], { home, env: { SALLYPORT_PASSWORD: password } });
    const ready = await share.line('ready');
    const [url, ca] = [text(ready, 'url'), text(ready, 'ca')];
    const visit = (path: string, ...more: readonly string[]) => curl(['--cacert', ca, ...more, `${url}${path}`]);

    const signIn = async (): Promise<string> => {
      const form = ['--data-urlencode', 'user=ana', '--data-urlencode', `password=${password}`];
      const answer = await visit('/.sallyport/login', ...form);
      assert.equal(answer.status, 303);
      return /__Host-sallyport-session=[^;]+/.exec(answer.fields.get('set-cookie') ?? '')?.[0] ?? '';
    };
    const opened = async (cookie: string): Promise<WebSocket> => {
      const socket = await openWebSocket(`${url}/echo`, { ca, cookie, origin: url });
      assert.ok(typeof socket !== 'number', `refused with ${JSON.stringify(socket)}`);
      socket.on('error', () => undefined);
      assert.equal((await echoed(socket, 'there?')).toString(), 'there?');
      return socket;
    };
    const command = async (...words: readonly string[]): Promise<readonly Record<string, unknown>[]> => {
      const terminal = scriptedTerminal({ home, env: { SALLYPORT_PASSWORD: password } });
      assert.equal(await runCommand([...words, '--json'], terminal), 0, terminal.written());
      return terminal.events();
    };
    /** How long it took from the beginning of the work to the closed socket, in milliseconds. */
    const closes = async (socket: WebSocket, work: () => Promise<unknown>): Promise<number> => {
      const begun = performance.now();
      const closed = once(socket, 'close');
      await work();
      await closed;
      return performance.now() - begun;
    };

    const [mine, other] = [await signIn(), await signIn()];
    const bystander = await opened(other);
    const socket = await opened(mine);
    const sessions = await command('sessions', 'list', '--user', 'ana');
    assert.equal(sessions.length, 2);
    // The newest is first, and the other one was opened after it.
    const [, id] = sessions.map((session) => text({ event: 'session', ...session }, 'id'));
    const took = { revoke: await closes(socket, () => command('sessions', 'revoke', id ?? '')), signOut: 0, roles: 0, remove: 0 };
    assert.equal((await visit('/', '-H', `Cookie: ${mine}`)).status, 401);
    assert.equal((await echoed(bystander, 'still')).toString(), 'still', 'another session of the same user goes on');

    const signOut = async (): Promise<void> => {
      const answer = await visit('/.sallyport/logout', '-d', 'out=1', '-H', `Cookie: ${other}`, '-H', `Origin: ${url}`);
      assert.equal(answer.status, 303);
    };
    took.signOut = await closes(bystander, signOut);
    const again = await signIn();
    const third = await opened(again);
    took.roles = await closes(third, () => command('users', 'roles', 'ana', 'editor'));
    const fourth = await opened(again);
    took.remove = await closes(fourth, () => command('users', 'remove', 'ana'));
    assert.equal((await visit('/', '-H', `Cookie: ${again}`)).status, 401);
    context.diagnostic(JSON.stringify(took));
    for (const [what, ms] of Object.entries(took)) assert.ok(ms < 1_000, `${what} took ${ms.toFixed(0)} ms`);
  },
);
