import type {
  DocumentByKind,
  DocumentChange,
  DocumentKind,
  EdgeDocument,
  ModuleDocument,
  SystemDocument,
} from '../../../shared/model/documents'
import { demoProjectorPassword, type DemoPorts } from './demo-simulators'

type Wish<Document> = Partial<Document> & { id: string; name: string }
type Module = Wish<ModuleDocument> & Pick<ModuleDocument, 'driver'>

export const demoEdge = { id: 'demo-site', name: 'Demo site' }

/** The documents of the site that a first start shows: a meeting room, its devices being simulators on these ports of this machine. */
export function demoDocuments(ports: DemoPorts, edge: { id: string; name: string } = demoEdge): DocumentChange[] {
  const modules = [
    projector(ports.projector),
    lights(ports.plc),
    climate(ports.plc),
    air(ports.sensor),
    sign(ports.sensor),
    matrix(ports.switcher),
    rules(),
  ]
  const site: Wish<EdgeDocument> = {
    ...edge,
    description:
      'A meeting room with simulated devices. Pull the cable or power off the edge and watch who drives them.',
    // Half the default, because somebody is watching.
    timeoutMs: 10_000,
    windowStart: '0 3 * * *',
    windowLengthS: 3_600,
  }
  const room: Wish<SystemDocument> = {
    id: 'meeting-room',
    name: 'Meeting room',
    edgeId: edge.id,
    modules: modules.map(({ id }) => id),
    settings: { floor: 1, seats: 12 },
  }
  return [put('edge', site), ...modules.map((module) => put('module', module)), put('system', room)]
}

function put<Kind extends DocumentKind>(kind: Kind, body: Wish<DocumentByKind[Kind]>): DocumentChange {
  return { op: 'put', kind, body }
}

function projector(port: number): Module {
  return {
    id: 'projector',
    name: 'Projector',
    driver: 'pjlink',
    uri: `pjlink://127.0.0.1:${port}`,
    settings: { password: demoProjectorPassword, pollMs: 2_000 },
  }
}

function lights(port: number): Module {
  const registers = [
    { name: 'main', kind: 'coil', address: 0, writable: true },
    { name: 'floor', kind: 'coil', address: 1, writable: true },
    { name: 'dimmer', kind: 'holding', address: 1, unit: '%', writable: true, min: 0, max: 100 },
    { name: 'doorClosed', kind: 'discrete', address: 0 },
  ]
  return {
    id: 'lights',
    name: 'Lights',
    driver: 'modbus-tcp',
    uri: `modbus://127.0.0.1:${port}`,
    settings: { registers },
  }
}

function climate(port: number): Module {
  const registers = [
    {
      name: 'setPoint',
      kind: 'holding',
      address: 0,
      type: 's16',
      scale: 0.1,
      unit: '°C',
      writable: true,
      min: 16,
      max: 26,
    },
    { name: 'supplyAir', kind: 'input', address: 0, type: 's16', scale: 0.1, unit: '°C' },
    { name: 'power', kind: 'input', address: 1, unit: 'W' },
    { name: 'energy', kind: 'input', address: 2, type: 'u32', unit: 'Wh', pollMs: 10_000 },
    { name: 'voltage', kind: 'input', address: 4, type: 'f32', unit: 'V', pollMs: 10_000 },
    { name: 'fan', kind: 'coil', address: 2, writable: true },
  ]
  return {
    id: 'climate',
    name: 'Climate',
    driver: 'modbus-tcp',
    uri: `modbus://127.0.0.1:${port}`,
    settings: { registers },
  }
}

function air(port: number): Module {
  const variables = {
    temperature: '/air/temperature',
    humidity: '/air/humidity',
    co2: '/air/co2',
    occupied: '/occupied',
  }
  const settings = {
    polls: [{ path: '/api/status', everyMs: 2_000, variables }],
    commands: {
      calibrate: {
        title: 'Calibrate',
        method: 'POST',
        path: '/api/calibrate',
        variables: { calibrations: '/calibrations' },
      },
    },
  }
  return { id: 'air', name: 'Room air', driver: 'http-json', uri: `http://127.0.0.1:${port}`, settings }
}

function sign(port: number): Module {
  const variables = { brightness: '/display/brightness', text: '/display/text' }
  const display = {
    title: 'Show a text',
    method: 'PUT',
    path: '/api/display',
    params: { brightness: { type: 'integer', min: 0, max: 100 }, text: { type: 'string', lengthMax: 40 } },
    body: { brightness: '{brightness}', text: '{text}' },
  }
  const settings = { polls: [{ path: '/api/status', everyMs: 5_000, variables }], commands: { display } }
  return { id: 'door-sign', name: 'Door sign', driver: 'http-json', uri: `http://127.0.0.1:${port}`, settings }
}

function matrix(port: number): Module {
  const routed = { set: { 'route{output}': '{input}' }, as: { 'route{output}': 'number' } }
  const anyOutput = '(?<output>[1-4]) (?<input>[1-4])$'
  const one = { type: 'integer', min: 1, max: 4 }
  const settings = {
    refused: '^ERR ',
    polls: [
      {
        send: 'STATUS?',
        match: '^STATUS TEMP=(?<temperature>\\d+) FAN=(?<fan>ON|OFF)$',
        as: { temperature: 'number', fan: 'boolean' },
      },
      ...[1, 2, 3, 4].map((output) => ({
        send: `ROUTE? ${output}`,
        match: `^ROUTE ${anyOutput}`,
        ...routed,
        everyMs: 10_000,
      })),
    ],
    unsolicited: [{ match: `^!ROUTE ${anyOutput}`, ...routed }],
    commands: {
      route: {
        title: 'Route an input to an output',
        send: 'ROUTE {output} {input}',
        params: { output: one, input: one },
        match: `^OK ROUTE ${anyOutput}`,
        ...routed,
      },
      mute: {
        title: 'Mute an output',
        send: 'MUTE {output} {on}',
        params: { output: one, on: { type: 'boolean', on: 'ON', off: 'OFF' } },
        match: '^OK MUTE [1-4] (?:ON|OFF)$',
      },
    },
  }
  return { id: 'matrix', name: 'Matrix switcher', driver: 'tcp-line', uri: `tcp://127.0.0.1:${port}`, settings }
}

function rules(): Module {
  const power = (value: string) => ({ module: 'projector', variable: 'power', value })
  const write = (module: string, name: string, value: number | boolean) => ({
    module,
    method: 'write',
    args: { name, value },
  })
  const show = (text: string) => ({ module: 'door-sign', method: 'display', args: { brightness: 60, text } })
  const co2 = (op: string, value: number) => ({ module: 'air', variable: 'co2', op, value, forMs: 5_000 })
  const settings = {
    rules: [
      {
        name: 'presentation begins',
        when: power('on'),
        do: [
          write('lights', 'dimmer', 20),
          { module: 'matrix', method: 'route', args: { output: 1, input: 3 } },
          show('In a meeting'),
        ],
      },
      { name: 'presentation ends', when: power('off'), do: [write('lights', 'dimmer', 80), show('Welcome')] },
      { name: 'air is stale', when: co2('gt', 700), do: [write('climate', 'fan', true)] },
      { name: 'air is fresh', when: co2('lt', 620), do: [write('climate', 'fan', false)] },
    ],
    computed: {
      inUse: { any: [power('on'), { module: 'air', variable: 'occupied', value: true }] },
      everythingAnswers: {
        all: ['projector', 'lights', 'climate', 'air', 'door-sign', 'matrix'].map((module) => ({
          module,
          variable: '@connected',
          value: true,
        })),
      },
    },
  }
  return { id: 'room-rules', name: 'Room rules', driver: 'logic', role: 'logic', settings }
}
