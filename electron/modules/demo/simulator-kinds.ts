import type { SimulatedDevice, Stage } from './device-server'
import { httpSensor } from './http-sensor'
import { matrixSwitcher } from './matrix-switcher'
import { modbusPlc } from './modbus-plc'
import { pjlinkProjector } from './pjlink-projector'

/** One kind per protocol that a built-in driver speaks; named like the drivers. */
export const simulatorKinds = ['pjlink', 'modbus-tcp', 'http-json', 'tcp-line'] as const
export type SimulatorKind = (typeof simulatorKinds)[number]

export interface DeviceOptions {
  readonly name: string
  readonly password: string | null
  readonly lively: boolean
  readonly warmMs: number
}

export function simulatedDevice(kind: SimulatorKind, stage: Stage, options: DeviceOptions): SimulatedDevice {
  switch (kind) {
    case 'pjlink':
      return pjlinkProjector(stage, options)
    case 'modbus-tcp':
      return modbusPlc(stage)
    case 'http-json':
      return httpSensor(stage, options)
    case 'tcp-line':
      return matrixSwitcher(stage, options)
  }
}
