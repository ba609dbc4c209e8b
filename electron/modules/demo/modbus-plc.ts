import { createServer, type Socket } from 'node:net'
import type { SimulatedDevice, Stage } from './device-server'

/** Entries of each of the four tables. */
const tableSize = 256
const headerBytes = 7
/** Longest Modbus/TCP frame: 7 bytes of header, 253 of PDU. */
const frameBytesMax = 260
const exceptions = { function: 1, address: 2, value: 3, failure: 4 } as const

type Tables = { coils: boolean[]; discrete: boolean[]; holding: number[]; input: number[] }

/** The wiring of the demo's room, in registers. Everything else is zero. */
function wired(): Tables {
  const bits = () => new Array<boolean>(tableSize).fill(false)
  const words = () => new Array<number>(tableSize).fill(0)
  const tables: Tables = { coils: bits(), discrete: bits(), holding: words(), input: words() }
  tables.coils[0] = true
  tables.discrete[0] = true
  // Set point and measured temperature in tenths of a degree, dimmer in percent.
  tables.holding.splice(0, 2, 210, 80)
  tables.input.splice(0, 2, 218, 640)
  tables.input.splice(2, 2, 0x0001, 0x86a0)
  const volts = Buffer.alloc(4)
  volts.writeFloatBE(230.5)
  tables.input.splice(4, 2, volts.readUInt16BE(0), volts.readUInt16BE(2))
  return tables
}

class ModbusException extends Error {
  readonly exception: number
  constructor(exception: number) {
    super(`Modbus exception ${exception}`)
    this.exception = exception
  }
}

/** A PLC that speaks Modbus/TCP: function codes 1 to 6, 15 and 16 over four tables of 256 entries; any unit id. */
export function modbusPlc(stage: Stage): SimulatedDevice {
  const tables = wired()

  function range(start: number, count: number, countMax: number): void {
    if (count < 1 || count > countMax) throw new ModbusException(exceptions.value)
    if (start + count > tableSize) throw new ModbusException(exceptions.address)
  }

  function readBits(table: boolean[], start: number, count: number): Buffer {
    range(start, count, 2_000)
    const bytes = Buffer.alloc(Math.ceil(count / 8))
    for (let i = 0; i < count; i += 1) if (table[start + i]) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7))
    return Buffer.concat([Buffer.from([bytes.length]), bytes])
  }

  function readWords(table: number[], start: number, count: number): Buffer {
    range(start, count, 125)
    const bytes = Buffer.alloc(1 + count * 2)
    bytes[0] = count * 2
    for (let i = 0; i < count; i += 1) bytes.writeUInt16BE(table[start + i] ?? 0, 1 + i * 2)
    return bytes
  }

  function writeCoil(start: number, pdu: Buffer): Buffer {
    range(start, 1, 1)
    const value = pdu.readUInt16BE(3)
    if (value !== 0 && value !== 0xff00) throw new ModbusException(exceptions.value)
    tables.coils[start] = value !== 0
    return pdu.subarray(1, 5)
  }

  function writeWord(start: number, pdu: Buffer): Buffer {
    range(start, 1, 1)
    tables.holding[start] = pdu.readUInt16BE(3)
    return pdu.subarray(1, 5)
  }

  function writeCoils(start: number, pdu: Buffer): Buffer {
    const count = pdu.readUInt16BE(3)
    range(start, count, 1_968)
    if (pdu.length < 6 + Math.ceil(count / 8)) throw new ModbusException(exceptions.value)
    for (let i = 0; i < count; i += 1) tables.coils[start + i] = ((pdu[6 + (i >> 3)] ?? 0) & (1 << (i & 7))) !== 0
    return pdu.subarray(1, 5)
  }

  function writeWords(start: number, pdu: Buffer): Buffer {
    const count = pdu.readUInt16BE(3)
    range(start, count, 123)
    if (pdu.length < 6 + count * 2) throw new ModbusException(exceptions.value)
    for (let i = 0; i < count; i += 1) tables.holding[start + i] = pdu.readUInt16BE(6 + i * 2)
    return pdu.subarray(1, 5)
  }

  function perform(code: number, pdu: Buffer): Buffer {
    const start = pdu.readUInt16BE(1)
    switch (code) {
      case 1:
        return readBits(tables.coils, start, pdu.readUInt16BE(3))
      case 2:
        return readBits(tables.discrete, start, pdu.readUInt16BE(3))
      case 3:
        return readWords(tables.holding, start, pdu.readUInt16BE(3))
      case 4:
        return readWords(tables.input, start, pdu.readUInt16BE(3))
      case 5:
        return writeCoil(start, pdu)
      case 6:
        return writeWord(start, pdu)
      case 15:
        return writeCoils(start, pdu)
      case 16:
        return writeWords(start, pdu)
      default:
        throw new ModbusException(exceptions.function)
    }
  }

  function framed(header: Buffer, pdu: Buffer): Buffer {
    const answer = Buffer.concat([header.subarray(0, headerBytes), pdu])
    answer.writeUInt16BE(pdu.length + 1, 4)
    return answer
  }

  function obey(socket: Socket, frame: Buffer): void {
    const pdu = frame.subarray(headerBytes)
    const code = pdu[0] ?? 0
    const refused = (exception: number) => framed(frame, Buffer.from([code | 0x80, exception]))
    const operands =
      pdu.length >= 5 ? `${pdu.readUInt16BE(1)} ${pdu.subarray(3).toString('hex')}` : pdu.subarray(1).toString('hex')
    stage.respond(socket, {
      kind: code >= 5 ? 'write' : 'read',
      what: `fc${code} ${operands}`,
      perform() {
        try {
          return framed(frame, Buffer.concat([Buffer.from([code]), perform(code, pdu)]))
        } catch (error) {
          return refused(error instanceof ModbusException ? error.exception : exceptions.value)
        }
      },
      refuse: () => refused(exceptions.failure),
    })
  }

  function converse(socket: Socket): void {
    let pending = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes])
      while (pending.length >= headerBytes + 1) {
        const size = 6 + pending.readUInt16BE(4)
        if (pending.readUInt16BE(2) !== 0 || size > frameBytesMax || size < headerBytes + 1)
          return void socket.destroy()
        if (pending.length < size) return
        obey(socket, pending.subarray(0, size))
        pending = pending.subarray(size)
      }
    })
  }

  return {
    server: createServer(converse),
    // The first 16 entries of each table: what the demo and the tests use.
    state: () => Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, table.slice(0, 16)])),
    /** `{"discrete.1": true, "input.0": 225}`. */
    change(values) {
      for (const [key, value] of Object.entries(values)) {
        const [name = '', at = ''] = key.split('.')
        if (!(name in tables) || !/^\d{1,3}$/.test(at) || Number(at) >= tableSize)
          throw new RangeError(`a PLC has no ${key}`)
        const table = tables[name as keyof Tables] as unknown[]
        table[Number(at)] = name === 'coils' || name === 'discrete' ? Boolean(value) : Number(value) & 0xffff
      }
    },
  }
}
