/** From the checked file to the plan: defaults filled in, paths made absolute. */

import type { z } from 'zod';
import type { Behind, Config, ServicePlan } from './plan.ts';
import { settleBalance } from './balance-keys.ts';
import { settleAcme } from './acme-keys.ts';
import { settleClients } from './clients-keys.ts';
import { settleFirewall } from './firewall-keys.ts';
import { settleMail } from './mail-keys.ts';
import { atPort } from './ports.ts';
import type { configSchema } from './schema.ts';
import { settleServiceLimits } from './limit-keys.ts';
import { settlePages } from './page-keys.ts';
import { settleTls } from './tls-keys.ts';
import { settleBehind, settleWeb } from './web-schema.ts';
import { settleVerify } from './verify-key.ts';

export type CheckedFile = z.output<ReturnType<typeof configSchema>>;

/** @param absolute makes a path of the file absolute, seen from the file's own folder */
export function settle(file: CheckedFile, absolute: (path: string) => string): Config {
  return Object.freeze({
    relays: file.relay === undefined ? [] : [file.relay].flat(),
    via: file.via ?? null,
    listen: file.listen === undefined ? [] : [file.listen].flat(),
    ...(file.user === undefined ? {} : { user: file.user }),
    network: file.network,
    local: file.local ?? null,
    plainHttp: file.plainhttp,
    tls: settleTls(file, absolute),
    acme: settleAcme(file.acme, absolute),
    ...settleClients(file.clients, absolute),
    ...settlePages(file, absolute),
    ...settleMail(file.mail, absolute),
    services: Object.entries(file.services).map(([name, service]) => settleService(name, service, absolute)),
    // Only names of `Limits` passed the schema, and only numbers.
    limits: Object.fromEntries(Object.entries(file.limits ?? {}).filter(([, value]) => value !== undefined)),
  });
}

function settleService(name: string, service: CheckedFile['services'][string], absolute: (path: string) => string): ServicePlan {
  const { rewritehost } = service;
  const web = settleWeb(service, absolute);
  // The parser has made sure that exactly one of `to` and `dir` stands, or neither where there are routes.
  const own = service.to ?? (service.dir === undefined ? nothingThere : null);
  const behind: Behind =
    own === null ? { is: 'folder', path: absolute(service.dir ?? '.'), indexes: service.indexes } : settleBehind(own, absolute);
  const rewriteHost: ServicePlan['rewriteHost'] =
    typeof rewritehost === 'string' ? { to: 'name', name: rewritehost } : { to: rewritehost ? 'target' : 'keep' };
  return Object.freeze({
    name,
    at: [...new Set([service.at ?? []].flat().map(({ host }) => host))],
    behind: atPort(behind, service.port),
    access: service.access ?? null,
    ...settleFirewall(service.firewall, behind.is),
    from: service.from ?? null,
    proxy: service.proxy ?? null,
    rewriteHost,
    rawHeaders: service.rawheaders,
    ...settleVerify(service.verify, absolute),
    ...settleServiceLimits(service.limits),
    ...settleBalance(service),
    ...(service.acme === 'off' ? { acme: service.acme } : {}),
    ...(service.terminate === 'relay' ? { terminate: service.terminate } : {}),
    expires: service.expires === 'never' ? null : service.expires,
    forMs: service.for === 'never' ? null : service.for,
    ...(web === null ? {} : { web }),
  });
}

/** What no route leads anywhere. */
const nothingThere: Behind = { is: 'respond', status: 404, text: null, file: null, type: null };
