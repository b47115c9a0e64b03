/** The unit takes from the process what it does not need, and systemd itself reads it without a complaint. */

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeUnits, systemdProgram, writeUnits } from './installed.ts';
import { serviceUnit, socketUnit, type UnitPlan } from './unit.ts';

const plan: UnitPlan = {
  command: 'gateway',
  program: ['/bin/true', '/usr/lib/sallyport/main.ts'],
  config: '/etc/sallyport/sallyport.yaml',
  user: 'daemon',
  notifies: true,
  sockets: [],
};
const variants: readonly (readonly [string, UnitPlan])[] = [
  ['an account', plan],
  ['a dynamic one', { ...plan, user: { is: 'dynamic' } }],
  ['held sockets', { ...plan, sockets: ['0.0.0.0:443', '[::1]:80'] }],
  ['a relay', { ...plan, command: 'relay', notifies: false }],
  ['a person', { ...plan, user: { is: 'person' } }],
];
const analyze = '/usr/bin/systemd-analyze';

test('systemd finds nothing to complain of in any of the units', async (context) => {
  if (spawnSync(analyze, ['--version']).status !== 0) return context.skip('not run: no systemd-analyze');
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const paths: string[] = [];
  for (const [index, [, each]] of variants.entries()) {
    paths.push(join(folder, `sally${index}.service`));
    await writeFile(paths.at(-1) ?? '', serviceUnit(each));
    if (each.sockets.length > 0) await writeFile(join(folder, `sally${index}.socket`), socketUnit(each));
  }
  const { status, stderr } = spawnSync(analyze, ['verify', '--man=no', ...paths], { encoding: 'utf8' });
  // It loads the machine's own units as well, and may know better of those.
  deepEqual(
    stderr.split('\n').filter((line) => line.includes('sally')),
    [],
  );
  equal(status, 0);
});

test('what it is exposed to is 2.0 of 10 at most, as systemd counts', async (context) => {
  if (!spawnSync(analyze, ['security', '--help'], { encoding: 'utf8' }).stdout?.includes('--offline'))
    return context.skip('not run: no systemd-analyze security');
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, each] of variants.slice(0, 3)) {
    const path = join(folder, 'sally.service');
    await writeFile(path, serviceUnit(each));
    const said = execFileSync(analyze, ['security', '--offline=true', '--no-pager', path], { encoding: 'utf8' });
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(said)?.[1] ?? 10);
    ok(exposure <= 2, `${name}: ${exposure}`);
  }
});

test('privilege escalation: no capability but low ports, none at all where systemd holds the sockets, no way to new ones', () => {
  const unit = serviceUnit(plan);
  for (const line of ['CapabilityBoundingSet=CAP_NET_BIND_SERVICE', 'NoNewPrivileges=yes', 'ProtectSystem=strict', 'User=daemon'])
    ok(unit.includes(`\n${line}\n`), line);
  match(serviceUnit({ ...plan, sockets: ['0.0.0.0:443'] }), /\nCapabilityBoundingSet=\nAmbientCapabilities=\n/);
  ok(!/^MemoryDenyWriteExecute/m.test(unit));
});

test('command injection: a path is one word of the command line, whatever stands in it', () => {
  const unit = serviceUnit({ ...plan, config: '/etc/a b"$HOME%h\\;.yaml' });
  match(unit, /--config "\/etc\/a b\\"\$\$HOME%%h\\\\;\.yaml"\n/);
  throws(() => serviceUnit({ ...plan, config: '/etc/a\nExecStartPre=/bin/sh' }), { code: 'usage-wrong' });
});

test('a file that another wrote is neither replaced nor removed', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const [own, other] = [join(folder, 'deep/own.service'), join(folder, 'other.service')];
  await writeFile(other, '[Service]\n');
  await rejects(
    writeUnits([
      { path: own, text: serviceUnit(plan) },
      { path: other, text: 'x' },
    ]),
    { code: 'name-taken' },
  );
  await rejects(readFile(own), { code: 'ENOENT' });
  await writeUnits([{ path: own, text: serviceUnit(plan) }]);
  await writeUnits([{ path: own, text: serviceUnit(plan) }]);
  await rejects(removeUnits([own, other]), { code: 'name-taken' });
  deepEqual(await removeUnits([own, join(folder, 'none')]), [own]);
});

test('programs of systemd are found where systems keep them', () => {
  ok(systemdProgram('systemctl') === null || systemdProgram('systemctl')?.startsWith('/'));
});

test('what packagers take is what the command writes', async () => {
  const packaged = (name: string) => readFile(new URL(`../../../packaging/systemd/${name}`, import.meta.url), 'utf8');
  const usual: UnitPlan = { ...plan, program: ['/usr/bin/node', '/usr/lib/sallyport/src/cli/main.ts'], user: 'sallyport', command: 'up' };
  equal(await packaged('sallyport.service'), serviceUnit(usual));
  equal(await packaged('sallyport-relay.service'), serviceUnit({ ...usual, command: 'relay', config: '/etc/sallyport/relay.yaml' }));
});
