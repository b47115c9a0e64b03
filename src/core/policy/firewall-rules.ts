/**
 * What only break-in scanners ask for, as data. All names are lower case. The list is short on
 * purpose: a rule that stops an application which somebody chose to share does more harm than good
 * (generic signatures stop 9 % of honest requests), so what is in doubt is not in it.
 */

/** Dotfiles at the top that honest programs ask for: well-known URIs (RFC 8615), and what dev servers serve of their own. */
export const dotNamesAllowed: ReadonlySet<string> = new Set(
  words(
    '.well-known .storybook .svelte-kit .vite .vinxi .nuxt .next .output .astro .angular .netlify .vercel .wrangler .parcel-cache .react-router .tanstack',
  ),
);

/** One folder deep these are refused too: `/app/.env`, `/blog/.git/config`. Deeper they are pages about files. */
export const dotNamesBelow: ReadonlySet<string> = new Set(
  words('.env .git .svn .hg .aws .ssh .htpasswd .htaccess .ds_store .kube .docker .npmrc'),
);

/** Refused as the name of any segment, however deep. */
export const segmentsAnywhere: ReadonlySet<string> = new Set(words('web-inf meta-inf system32 winnt'));

/** Refused as the last name, however deep. */
export const namesAnywhere: ReadonlySet<string> = new Set(
  words('eval-stdin.php wlwmanifest.xml laravel.log programexport win.ini boot.ini phpinfo.php _phpinfo.php'),
);

/** First segments: what lies below is refused when it begins with one of the words; `*` is everything. */
export const firstSegments: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    // What PageKite refuses by default and no application of today is called.
    xampp: '*',
    webalizer: '*',
    'server-info': '*',
    'server-status': '*',
    // Routers, cameras and recorders.
    boaform: '*',
    boafrm: '*',
    goform: '*',
    gponform: '*',
    hnap1: '*',
    evox: '*',
    sdk: 'weblanguage',
    level: '15/ 16/',
    ud: 'act',
    bin: 'zhttpd',
    cfg: 'settings.xml',
    'cgi-bin':
      'test-cgi test.cgi printenv kerbynet nas_sharing.cgi authlogin.cgi viewlog.asp config.exp up.cgi weblogin.cgi webconfig getfilecontent.cgi quick/ php bash status bin/ luci/;stok export_debug luci/rpc downloadcfg account_mgr.cgi supervisor',
    // Gateways and consoles of firms, with holes that are scanned for every day.
    '+cscot+': '*',
    '+cscoe+': '*',
    'global-protect': '*',
    'wls-wsat': '*',
    _async: 'asyncresponseservice',
    remote: 'logincheck fgt_lang',
    mgmt: 'tm/',
    tmui: 'login.jsp',
    vpns: 'cfg/ portal/',
    autodiscover: 'autodiscover.json',
    'host-manager': '*',
    'struts2-showcase': '*',
    'struts2-rest-showcase': '*',
    moveitisapi: '*',
    oa_html: '*',
    'catalog-portal': 'ui/oauth',
    developmentserver: 'metadatauploader',
    sdwan: 'nitro',
    mifs: 'c/appstore rs/api aad/',
    dana: 'home/',
    'dana-na': 'auth/url_default ../',
    goanywhere: 'images/..',
    securityrealm: 'user/admin/descriptorbyname',
    pages: 'createpage-entervariables.action',
    setup: 'setupadministrator.action',
    rest: 'tinymce/1/macro/preview sharelinks/ id-pools/executecommand',
    plugins: 'servlet/oauth/users/icon-uri',
    template: 'aui/text-inline.vm',
    kylin: 'api/admin/config',
    userportal: 'controller',
    // Frameworks: what a developer left on.
    _ignition: '*',
    actuator: 'gateway heapdump jolokia env shutdown',
    heapdump: '*',
    jolokia: '*',
    debug: 'default/view',
    _profiler: 'phpinfo open',
    'app_dev.php': '_profiler',
    vendor: 'phpunit/',
    lib: 'phpunit/',
    api: 'console/api_server experimental/latest_runs',
    solr: 'admin/collections/..',
    __pycache__: '*',
    // WordPress and its kin: only what no browser asks for.
    'wp-admin': 'setup-config.php install.php',
    'wp-content': 'debug.log plugins/wp-file-manager/lib/php/ backup-db mysql.sql',
    sites: 'default/settings.php',
    magento_version: '*',
    app: 'etc/env.php etc/local.xml',
    config: 'parameters.yml routing.yml security.yml services.yml database.yml secrets.yml settings.inc.php master.key',
    ssl: 'private.key',
    alfacgiapi: '*',
    alfa_data: '*',
    // Files of the machine, and the clouds' own addresses.
    etc: 'passwd shadow group hosts issue fstab sudoers os-release my.cnf nginx/ apache2/ ssh/',
    proc: '*',
    sys: 'block class dev firmware hypervisor kernel power bus devices fs module',
    latest: 'meta-data user-data dynamic/instance-identity',
    metadata: 'instance v1/',
    computemetadata: '*',
  }).map(([first, below]) => [first, below === '*' ? ['*'] : words(below)]),
);

/** Whole names at the top: what was left lying about, and the tools of those who were here before. */
export const topNames: ReadonlySet<string> = new Set(
  words(
    'error_log php_error.log php_errors.log ws_ftp.log rsync.log npm-debug.log yarn-debug.log php.ini user.ini desktop.ini system.ini mysql.cnf mysqldump.cnf my.cnf ' +
      'sftp-config.json ftp-sync.json serviceaccountkey.json firebase.json appsettings.json credentials.json secrets.json auth.json aws.yml aws.yaml aws-key.yaml ' +
      'database.yml user_secrets.yml gitlab.rb compose.yml docker-compose.yml docker-compose.yaml composer.json composer.lock phpcs.xml.dist web.config configuration.php-dist ' +
      'private.key server.key privkey.pem id_rsa id_dsa id_ed25519 terraform.tfvars wallet.dat passwords.txt password.txt password.htm ' +
      'setup.cgi soap.cgi ajax.cgi hndunblock.cgi hedwig.cgi device.rsp currentsetting.htm stssys.htm trinity.txt.bak ' +
      'cmd.php c99.php c100.php r57.php b374k.php wso.php alfa.php uploader.php xx.php ini.php php.php info.php mini.php up.php adminer.sql xmrlpc.php shell',
  ),
);

/** Endings at the top: copies that an editor or a dump left behind. */
export const topEndings: ReadonlySet<string> = new Set(words('bak old orig original save swp swo sql tfstate mdb'));

/** Forms of names at the top; each is linear in the name's length. */
export const topForms: readonly RegExp[] = [
  /^config(?:uration)?[-_.](?:dev|prod|sample|test|local|staging)\.[a-z]{2,4}$/,
  /^config\.(?:php|asp|ini|inc|pl|py|rb|toml|txt|xml|ya?ml|nu|fish)$/,
  /^(?:backup|www|wwwroot|web|website|site|html|public_html|htdocs|dump|db|database|mysql|bak)\.(?:zip|tar|gz|tgz|tar\.gz|tar\.bz2|bz2|rar|7z|sql\.gz)$/,
  /^[a-z0-9_-]{0,32}_?shell\.php$/,
  /^w00tw00t/,
  /~$/,
];

/** The one file of WordPress that holds the database's password, and its copies; at the top or one folder deep. */
export const wordpressConfig = /^wp-config\.(?:php|txt|old|bak|inc)?(?:[.~].{0,32})?$/;

/** Old versions of phpMyAdmin under the names that scanners try; the plain name is somebody's choice. */
export const versionedAdmin = /^(?:php|sql)?my(?:sql)?(?:admin|manager)-?\d[\d.]*(?:-|$)/;

/** A daemon of containers that answers on the network. */
export const containerApi = /^v1\.\d{2}$/;

/** Code where uploads lie. */
export const runnable = /\.ph(?:p\d?|tml?|t|ar)$/;

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
