// Who may import whom. Places are written relative to the repository and without extension; a pattern that ends in `/` means everything below.
// `#own` stands for the importing file's own folder under electron/ (or under electron/core/, renderer/features/).

/** Interfaces that roles are written against. An adapter's other files are known to compose.ts and the tests alone. */
const ports = [
  'electron/journal/journal',
  'electron/outbox/outbox',
  'electron/inventory/inventory',
  'electron/records/records',
  'electron/telemetry/telemetry',
  'electron/alerts/alerts',
  'electron/forwarding/forwarding',
  'electron/notify/notify',
  'electron/link/link',
  'electron/platform/ports',
  'electron/modules/contract',
  'electron/modules/runtime',
  'electron/console/operations',
  'electron/api/site',
]

/** Pure pieces of electron/core that belong to no subject: the shape of a step, `unreachable`. */
const machine = 'electron/core/machine'
/** Time zones: restore windows and uptime bars both read the calendar. */
const zone = 'electron/core/zone'

/** What every port over HTTP needs: who asks, how a body is read and an answer sent. */
const http = 'electron/platform/http/'

const adapters = [
  'journal',
  'outbox',
  'inventory',
  'records',
  'telemetry',
  'alerts',
  'forwarding',
  'notify',
  'activity',
  'diagnostics',
  'link',
  'platform',
].map((name) => `electron/${name}/`)
const roles = ['edge', 'master', 'fleet', 'cluster', 'content', 'modules'].map((name) => `electron/${name}/`)
const windowShared = ['shared/console/', 'shared/model/', 'shared/settings/', 'shared/text/']

/**
 * The rows, first match wins. Columns:
 *  from        files the row speaks about
 *  may         what they may import from this repository
 *  mayType     what they may import only as a type, beyond `may`
 *  node        whether Node's own modules are allowed
 *  packages    which npm packages are allowed; null means any that no fence below keeps for others
 *  because     the rule in words, for the message
 */
export const rows = [
  {
    from: ['shared/model/'],
    may: ['shared/model/'],
    node: false,
    packages: ['zod'],
    because: 'shared/model is the lowest layer',
  },
  {
    from: ['shared/text/', 'shared/wire/'],
    may: ['#own', 'shared/model/'],
    node: false,
    packages: ['zod'],
    because: 'shared imports downward only: console > settings > text, wire > model',
  },
  {
    from: ['shared/settings/'],
    may: ['#own', 'shared/model/', 'shared/text/'],
    node: false,
    packages: ['zod'],
    because: 'shared imports downward only: console > settings > text, wire > model',
  },
  {
    from: ['shared/'],
    may: ['shared/'],
    node: false,
    packages: ['zod'],
    because: 'shared knows neither side',
  },
  {
    from: ['electron/core/'],
    may: ['#own', machine, zone, 'shared/model/', 'shared/wire/'],
    mayType: ['electron/core/'],
    node: false,
    packages: [],
    because: 'core decides purely: shared/model, shared/wire, and the types of other core folders',
  },
  {
    from: adapters,
    may: ['#own', machine, 'electron/platform/ports', 'electron/platform/sqlite', http, 'shared/', 'package.json'],
    mayType: ['electron/core/'],
    node: true,
    packages: null,
    because: 'an adapter knows core types, shared, the platform ports and its own library',
  },
  {
    from: ['electron/fleet/sqlite', 'electron/fleet/schema', 'electron/fleet/member-rows'],
    may: ['#own', 'electron/core/', 'electron/platform/sqlite', 'shared/'],
    node: true,
    packages: null,
    because: 'the store of a role is an adapter',
  },
  {
    from: roles,
    may: ['#own', 'electron/core/', ...ports, 'shared/'],
    node: true,
    packages: null,
    because: 'a role knows core, the port interfaces and shared: never another role, never an implementation',
  },
  {
    from: ['electron/console/'],
    may: ['#own', machine, 'electron/platform/ports', http, 'shared/'],
    node: true,
    packages: null,
    because: 'the console knows shared and its own operations port, which the roles implement',
  },
  {
    from: ['electron/api/'],
    may: [
      '#own',
      'electron/core/routing/',
      'electron/console/operations',
      'electron/console/dispatch',
      'electron/console/attempts',
      'electron/console/kept-out',
      'electron/platform/ports',
      http,
      'shared/',
    ],
    node: true,
    packages: null,
    because: 'the client API is a face like the console: the same operations, rules and delays, reached through ports',
  },
  {
    from: ['electron/cli/'],
    may: [
      '#own',
      'electron/compose',
      'electron/compose/',
      'electron/headless',
      'electron/offline',
      'electron/journal/document-file',
      'electron/console/client',
      'electron/console/client/',
      'electron/platform/',
      'shared/',
      'package.json',
    ],
    node: true,
    packages: null,
    because: 'the command line starts compose() or asks a running controller through the console client',
  },
  {
    from: ['electron/shell/'],
    may: ['#own', 'electron/platform/ports', 'electron/console/operations', 'shared/'],
    node: true,
    packages: null,
    because: 'the shell knows Electron, shared and the operations port',
  },
  {
    from: ['electron/preload'],
    may: ['shared/'],
    node: false,
    packages: null,
    because: 'the preload script exposes the one typed bridge and nothing else',
  },
  {
    from: ['electron/main'],
    may: ['electron/', 'shared/', 'package.json'],
    node: true,
    packages: null,
    because: 'main.ts is compose() plus the shell',
  },
  {
    from: ['electron/'],
    may: ['electron/', 'shared/', 'package.json'],
    mayNot: ['electron/shell/', 'electron/main', 'electron/preload'],
    node: true,
    packages: null,
    because: 'compose() knows no Electron: main.ts adds the shell',
  },
  {
    from: ['renderer/ui/'],
    may: ['#own', 'shared/text/', 'shared/model/'],
    node: false,
    packages: null,
    because: 'ui knows neither stores nor the bridge',
  },
  {
    from: ['renderer/'],
    may: ['renderer/', ...windowShared],
    node: false,
    packages: null,
    because: 'the window knows shared/{console,model,settings,text} and reaches the controller through bridge.ts',
  },
  {
    from: ['test/'],
    may: ['electron/', 'shared/', 'renderer/', 'build/', 'test/', 'package.json', 'resources/'],
    node: true,
    packages: null,
    because: '',
  },
  {
    from: ['build/'],
    may: ['build/', 'package.json'],
    node: true,
    packages: null,
    because: 'nothing of the product is needed to build it',
  },
]

/** Packages that only these files may import; tests and build/ besides. A `*` stands for one folder name or more. */
export const fences = {
  'better-sqlite3': ['electron/*/sqlite'],
  pg: ['electron/*/postgres'],
  ws: ['electron/link/', 'electron/console/', 'electron/api/'],
  electron: ['electron/main', 'electron/preload', 'electron/shell/', 'electron/modules/utility-process-host'],
  nodemailer: ['electron/notify/smtp'],
  croner: ['electron/platform/', 'electron/core/restore/'],
}
