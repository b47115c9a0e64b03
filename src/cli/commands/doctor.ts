/** `sallyport doctor`: what would keep this gateway from working, and who else could get its certificates. */

import { Resolver } from 'node:dns/promises';
import { checkCertificates } from '../../controlplane/acme/checks.ts';
import { isOrderable, readCa } from '../../controlplane/acme/desk.ts';
import { createCaHttps } from '../../controlplane/acme/https.ts';
import { listCertificates } from '../../controlplane/acme/kept.ts';
import { checkClock, checkPorts, checkRuntime, type Check } from '../../controlplane/check/machine.ts';
import { configOrThrow } from '../../controlplane/config/parse.ts';
import type { Config } from '../../controlplane/config/plan.ts';
import { listMemberships } from '../../controlplane/enrolment/memberships.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { readConfigFile } from '../configuration.ts';
import { configName } from '../file-text.ts';
import { withPeople } from '../people.ts';

export function doctorCommand(cli: Cli) {
  return newCommand({
    usage: 'doctor',
    summary: 'what would keep it from working: ports, permissions, clock, certificates, CAA',
    description:
      'Looks at the state directory, the ports of the configuration, the clock, the certificates and the DNS records that say who may issue them.',
    examples: ['sallyport doctor', 'sallyport doctor --config /etc/sallyport.yaml --json'],
  })
    .option('--config <file>', 'the configuration', configName)
    .option('--dns <address>', 'the DNS server to ask, like 9.9.9.9')
    .action((options: Readonly<{ config: string; dns?: string }>) => doctor(cli, options));
}

async function doctor(cli: Cli, { config: named, dns }: Readonly<{ config: string; dns?: string }>): Promise<void> {
  const reporter = cli.reporter();
  const failed: string[] = [];
  const say = (check: Check): void => {
    if (check.state === 'failed') failed.push(check.check);
    reporter.say({ event: 'check', ...check });
  };
  say(checkRuntime(process.versions.node));
  // Opening looks at owners and modes of everything in it.
  const home = await cli.home();
  say({ check: 'state directory', state: 'ok', why: `${home.path} is readable for this user alone`, hint: null });
  const config = await configIn(cli, named, say);
  if (config !== null) for (const check of await checkPorts(config.listen)) say(check);
  const acme = config === null ? null : await certificateChecks(cli, config, dns ?? null);
  for (const check of acme?.checks ?? []) say(check);
  say(checkClock(acme?.date ?? null, cli.terminal.now()));
  if (failed.length > 0)
    throw new SallyportError(
      'self-check-failed',
      `${failed.length === 1 ? 'One check' : `${failed.length} checks`} failed: ${failed.join(', ')}.`,
    );
}

async function configIn(cli: Cli, named: string, say: (check: Check) => void): Promise<Config | null> {
  try {
    const { text, path, parsed } = await readConfigFile(named, cli.terminal.cwd());
    const config = configOrThrow(parsed, text);
    say({ check: 'configuration', state: 'ok', why: `${path} is right`, hint: null });
    return config;
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    const missing = error.code === 'config-missing';
    say({
      check: 'configuration',
      state: missing ? 'ok' : 'failed',
      why: missing ? 'there is none' : error.message,
      hint: missing ? null : error.hint,
    });
    return null;
  }
}

async function certificateChecks(
  cli: Cli,
  config: Config,
  dns: string | null,
): Promise<Readonly<{ checks: readonly Check[]; date: string | null }> | null> {
  const { acme: plan } = config;
  if (plan === null || plan === undefined) return null;
  const stop = new AbortController();
  const https = createCaHttps({ ca: plan.ca === null ? null : await readCa(plan.ca), signal: stop.signal });
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (dns !== null) resolver.setServers([dns]);
  try {
    return await withPeople(cli, async ({ store }) => {
      const kept = (await listCertificates(store.records)).map(({ name }) => name);
      const written = config.services.filter(({ acme }) => acme !== 'off').flatMap(({ at }) => at);
      const relayNames = (await listMemberships(store)).flatMap(({ grants }) => grants.map((grant) => grant.replace(/^\*\./, '')));
      return checkCertificates({
        plan,
        names: [...new Set([...written, ...kept])].filter((name) => isOrderable(name, plan)),
        relayNames,
        records: store.records,
        https,
        resolve: (name) => resolver.resolveCaa(name),
        now: cli.terminal.now,
      });
    });
  } finally {
    await https.close();
  }
}
