/** What a file says of the process that runs it: whose rights it has, and which sockets it was handed. */

import { z } from 'zod';
import { readUserName, userExpected } from '../service-user.ts';
import { formed } from './pieces.ts';

/** Not optional yet: the relay's file has it as well. */
export function userKey() {
  return formed(readUserName, userExpected).describe(
    'Started as root: whom to become once the ports are bound, before anything is served. root only if it has to be.',
  );
}

const socketExpected = 'a name of a socket, as FileDescriptorName= says it';

/** Of one address under `listen`. systemd.socket(5): ASCII without control characters and colons, 255 at most. */
export function socketKey() {
  return z
    .string({ error: socketExpected })
    .regex(/^[\x20-\x39\x3b-\x7e]{1,255}$/, socketExpected)
    .describe('The socket of that name which systemd hands over; where it hands over none, the address itself is listened on.');
}
