/** Lines of PageKite without a counterpart in our file: what does the same here, or why nothing has to. */

const relay = 'a front-end is a relay here, on its own machine: `sallyport relay`, docs/guides/relay.md';
const joined = 'a relay is joined, with a code of its operator: `sallyport relay invite` there, `sallyport join` here';
const unit = '`sallyport service install` writes a unit; it stays in the foreground';
const record = 'every exchange is one line of the record: `sallyport logs`';
const screen = 'the screen shows what runs; --json is for programs';
const found = 'relays are found and left by themselves';
const verified = 'a relay is known by its key, which the code of the operator names: no certificate authority is asked';

const reasons: Readonly<Record<string, string>> = {
  abort_not_configured: 'PageKite itself refuses to start with this line: the file was never filled in',
  kitesecret: 'the secret is not copied: this machine’s own key takes its place (`sallyport join`)',
  frontend: joined,
  frontends: joined,
  defaults: `pagekite.net is the relay of others: ${joined}`,
  whitelabel: joined,
  whitelabels: joined,
  nofrontend: found,
  all: found,
  noall: found,
  new: found,
  noprobes: found,
  noloop: found,
  keepalive: 'the tunnel asks by itself whether the other side lives',
  nozchunks: 'nothing is compressed on the way: the length would tell what is inside',
  sslzlib: 'nothing is compressed on the way: the length would tell what is inside',
  wschunks: 'via: says when the tunnel goes in a WebSocket',
  dyndns: 'names lead to the relay, whose address stays: no DNS is changed',
  fe_certname: verified,
  fe_nocertcheck: verified,
  ca_certs: verified,
  nossl: 'the tunnel is always TLS 1.3, both ways',
  nopyopenssl: 'the tunnel is always TLS 1.3, both ways',
  proxy: 'via: says through which proxy the relay is reached; its password: `sallyport secrets add proxy --proxy`',
  socksify: 'via: socks5://HOST:PORT',
  torify: 'via: socks5://HOST:PORT, and the name is looked up by the proxy',
  noproxy: 'nothing is asked of a proxy unless via: or the environment says so',
  isfrontend: relay,
  noisfrontend: 'it is none unless `sallyport relay` is started',
  host: relay,
  ports: `one port does for visitors and gateways: ${relay}`,
  protos: `the relay reads no more than names: ${relay}`,
  rawports: 'ports of a relay are granted: `sallyport relay invite NAME --ports …`',
  portalias: relay,
  domain: 'names are granted by invitation, to a key instead of a shared secret: `sallyport relay invite`',
  authdomain: 'names are granted by invitation: no other server is asked, and none can fail open',
  auththreads: 'names are granted by invitation: no other server is asked, and none can fail open',
  authfail_closed: 'who is not known is refused, always',
  register: 'names are granted by invitation: `sallyport relay invite`',
  motd: 'a relay says nothing to gateways but why it refuses them',
  upgradeinfo: 'a relay says nothing to gateways but why it refuses them',
  noupgradeinfo: 'a relay says nothing to gateways but why it refuses them',
  errorurl: 'error pages are a service’s own (errors:), and no page is fetched from elsewhere',
  local: relay,
  accept_acl_file: 'addresses are blocked at the relay: `sallyport relay block 192.0.2.0/24`',
  tunnel_acl: 'gateways are known by their keys: `sallyport relay gateways list`',
  ratelimit_ips: 'limits: { requests: 60/min } of a service counts requests of each visitor',
  overload: 'limits bound what a relay takes, and it says so to who is refused',
  overload_cpu: 'limits bound what a relay takes, and it says so to who is refused',
  overload_mem: 'limits bound what a relay takes, and it says so to who is refused',
  overload_file: '`sallyport relay upgrade` and SIGTERM let what runs end',
  tls_endpoint: 'TLS ends at the gateway, not at the relay: nobody there can read; a certificate of yours: certificates:',
  tls_default: 'visitors name whom they want, or are not taken',
  tls_legacy: 'TLS 1.2 and 1.3 only; tls: modern for 1.3 alone',
  tls_ciphers: 'Mozilla’s intermediate list; tls: modern for TLS 1.3 alone',
  optfile: 'not followed: import that file too, or put both into one',
  optdir: 'not followed: put the files into one, in the order of their names',
  savefile: 'the file is yours alone; what runs writes nothing into it',
  save: 'the file is yours alone; what runs writes nothing into it',
  daemonize: unit,
  nodaemonize: unit,
  runas: 'user: for who starts as root',
  pidfile: '`sallyport status`, `stop` and `reload` need no file',
  logfile: record,
  loglevel: record,
  debugio: record,
  watch: '`sallyport logs -f` shows exchanges, and never what is in them',
  buffers: 'memory is bounded by limits with names',
  max_read_bytes: 'memory is bounded by limits with names',
  select_loop_min_ms: 'nothing is to be tuned',
  watchdog: 'systemd starts it again: `sallyport service install`',
  nocrashreport: 'nothing is reported to anybody',
  nullui: screen,
  remoteui: screen,
  uiport: screen,
  friendly: screen,
  shell: screen,
  settings: '`sallyport config check`',
  httpd: 'there is no server of its own to steer: folders are services (dir:)',
  httppass: 'not copied; `sallyport users add`, and access: [{ password: {} }]',
  pemfile: 'a certificate is made, or ordered (acme:)',
  selfsign: 'a certificate is made, or ordered (acme:)',
  controlpanel: 'no console is in the web: `sallyport status`, `open`, `close`',
  controlpass: 'no console is in the web: `sallyport status`, `open`, `close`',
  service_xmlrpc: 'no remote control of others: `sallyport status --json`',
  clean: 'nothing else is read than the file that is named',
};

/** Of the settings of one kite. */
const settings: Readonly<Record<string, string>> = {
  hide: 'hidden names are no protection: access: says who may come in',
  uploads: 'a folder is read only here: put a program behind it',
  ul_filenames: 'a folder is read only here: put a program behind it',
  cgi: 'a folder is read only here, and starts no programs',
  photobackup: 'a folder is read only here: put a program behind it',
};

export function reasonForOption(key: string): string {
  return reasons[key] ?? 'not known here';
}

export function reasonForSetting(key: string): string {
  return settings[key] ?? 'a setting of PageKite’s own server, which is not there';
}

export const optionsWithReasons: readonly string[] = Object.keys(reasons);
