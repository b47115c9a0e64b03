/** `sallyport clients`: those who are led out by a proxy, with limits of their own. */

import type { Cli } from '../cli.ts';
import { newGroup } from '../cli.ts';
import { clientUsage } from './clients-usage.ts';
import { certificatesOfClientsCommand, makeCertificateCommand } from './client-certificates.ts';
import {
  addClient,
  changeClient,
  listClients,
  removeClient,
  resumeClient,
  rotateClient,
  showClient,
  suspendClient,
} from './clients-manage.ts';

export function clientsCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'clients',
      summary: 'clients of a proxy: their keys, limits and use',
      examples: [
        'sallyport clients add partner --contact ops@partner.example --per-month 500GB',
        'sallyport clients list',
        'sallyport clients suspend partner --why "invoice 17"',
        'sallyport clients certificate ana --days 90',
        'sallyport clients usage partner --from 2026-11-01 --csv',
      ],
    },
    [
      addClient(cli),
      listClients(cli),
      showClient(cli),
      changeClient(cli),
      suspendClient(cli),
      resumeClient(cli),
      rotateClient(cli),
      removeClient(cli),
      clientUsage(cli),
      makeCertificateCommand(cli),
      certificatesOfClientsCommand(cli),
    ],
  );
}
