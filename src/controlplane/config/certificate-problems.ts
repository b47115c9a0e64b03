/** Where nobody could show a client certificate: said, for the door would be closed to everybody. */

import type { CheckedFile } from './settle.ts';
import { hasTlsDoor } from './unread.ts';

type CheckedService = CheckedFile['services'][string];

/** What is wrong with the access of a service, in the words of the parser. */
export function certificateProblems(service: CheckedService, { listen, relay }: Pick<CheckedFile, 'listen' | 'relay'>): readonly string[] {
  if (!(service.access ?? []).flat().some(({ guard }) => guard === 'mtls')) return [];
  if (service.terminate === 'relay')
    return ['found mtls beside terminate: relay, expected one of them: the certificate would be shown to the relay'];
  const own = service.to?.is === 'egress' ? service.to.door.listen : [];
  const doors = own.length > 0 ? own : relay === undefined && listen !== undefined ? [listen].flat() : null;
  if (doors === null || hasTlsDoor({ listen: doors })) return [];
  return ['found mtls and no https:// in listen, expected one: nobody could show a certificate'];
}
