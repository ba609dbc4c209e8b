import type { Driver } from '../contract'
import { httpJson } from './http-json/driver'
import { logic } from './logic/driver'
import { modbusTcp } from './modbus-tcp/driver'
import { pjlink } from './pjlink/driver'
import { tcpLine } from './tcp-line/driver'

/** The drivers that come with the program. */
export const drivers: readonly Driver[] = [pjlink, modbusTcp, httpJson, tcpLine, logic]
