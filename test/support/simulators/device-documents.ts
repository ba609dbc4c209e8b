import type { ModuleDocument } from '../../../shared/model/documents'
import type { SimulatorKind } from '../../../electron/modules/demo/simulator-kinds'

type Settings = ModuleDocument['settings']

/** Settings with which each driver reads its simulator, quick enough for tests. */
export const quickSettings: Record<SimulatorKind, Settings> = {
  pjlink: { pollMs: 250, timeoutMs: 1_000 },
  'modbus-tcp': {
    timeoutMs: 1_000,
    registers: [
      { name: 'light', kind: 'coil', address: 0, writable: true, pollMs: 250 },
      { name: 'door', kind: 'discrete', address: 0, pollMs: 250 },
      {
        name: 'setPoint',
        kind: 'holding',
        address: 0,
        type: 's16',
        scale: 0.1,
        writable: true,
        min: 5,
        max: 30,
        pollMs: 250,
      },
      { name: 'dimmer', kind: 'holding', address: 1, writable: true, min: 0, max: 100, pollMs: 250 },
      { name: 'temperature', kind: 'input', address: 0, type: 's16', scale: 0.1, pollMs: 250 },
      { name: 'energy', kind: 'input', address: 2, type: 'u32', pollMs: 250 },
      { name: 'volts', kind: 'input', address: 4, type: 'f32', pollMs: 250 },
    ],
  },
  'http-json': {
    timeoutMs: 1_000,
    polls: [
      {
        path: '/api/status',
        everyMs: 250,
        variables: { temperature: '/air/temperature', co2: '$.air.co2', brightness: '$.display["brightness"]' },
      },
    ],
    commands: {
      display: {
        method: 'PUT',
        path: '/api/display',
        params: { brightness: { type: 'integer', min: 0, max: 100 }, text: { type: 'string', lengthMax: 40 } },
        body: { brightness: '{brightness}', text: '{text}' },
        variables: { brightness: '/brightness' },
      },
    },
  },
  'tcp-line': {
    timeoutMs: 1_000,
    refused: '^ERR',
    polls: [
      {
        send: 'STATUS?',
        match: '^STATUS TEMP=(?<temperature>\\d+) FAN=(?<fan>ON|OFF)$',
        as: { temperature: 'number', fan: 'boolean' },
        everyMs: 250,
      },
      { send: 'ROUTE? 1', match: '^ROUTE 1 (?<route1>\\d)$', as: { route1: 'number' }, everyMs: 250 },
    ],
    unsolicited: [
      {
        match: '^!ROUTE (?<output>\\d) (?<input>\\d)$',
        set: { 'route{output}': '{input}' },
        as: { 'route{output}': 'number' },
      },
    ],
    commands: {
      route: {
        send: 'ROUTE {output} {input}',
        params: { output: { type: 'integer', min: 1, max: 4 }, input: { type: 'integer', min: 1, max: 4 } },
        match: '^OK ROUTE (?<output>\\d) (?<input>\\d)$',
        set: { 'route{output}': '{input}' },
        as: { 'route{output}': 'number' },
      },
    },
  },
}
