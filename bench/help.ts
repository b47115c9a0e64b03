/** What `npm run bench -- --help` says. */

export function help(works: readonly string[]): string {
  return `npm run bench -- [--seconds N] [--only WORK,…] [--gateways N] [--json]

Measures Sallyport beside the peers that are installed (nginx, HAProxy, Caddy, PageKite), with wrk and curl, all in one run.
Of four windows the quietest counts. It takes some minutes, and wants a machine that does nothing else.

  --seconds N     how long a window is, 1 to 600 (3); with 1,000 connections 10 at least, for their handshakes fall into it
  --only WORK,…   some of ${works.join(', ')} (all)
                  reverse: the gateway alone, plain HTTP, 64 connections
                  tunnel:  relay and gateway, TLS from end to end, 16, 64 and 1,000 connections
                  bulk:    one large download through the tunnel
                  scale:   not with the others: many gateways with ten names each at one relay, which is upgraded, and killed
                  proxy:   not with the others: a forward proxy beside Squid and tinyproxy
                  check:   not with the others: what a credential costs that was checked before, beside a public service
  --gateways N    how many for scale, 2 to 1,900 (1000); it takes some three minutes, and 3 GB of memory
  --json          one JSON object a line instead of tables
  --help          this

npm run bench -- --only tunnel
npm run bench -- --only scale
npm run bench -- --seconds 10 --only reverse,tunnel --json
`;
}
