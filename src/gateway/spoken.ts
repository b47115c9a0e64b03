/** What a gateway speaks with its visitors. */

import { http1 } from '../modules/protocols/http1.ts';
import { http2 } from '../modules/protocols/http2.ts';
import { raw } from '../modules/protocols/raw.ts';
import { sniProtocol } from '../modules/protocols/sni.ts';
import { socks5 } from '../modules/protocols/socks5.ts';

export const spoken = { protocol: http1, http2, raw, socks5, peek: sniProtocol } as const;
