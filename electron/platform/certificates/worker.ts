import { parentPort, workerData } from 'node:worker_threads'
import type { CertificateAsk } from './aside'
import { makeAuthority, makeLeaf } from './making'

// The thread that makes one certificate, see `aside.ts`.

const { authority, names, now, serialNumber } = workerData as CertificateAsk
const made = authority === null ? makeAuthority(now, serialNumber) : makeLeaf(authority, names, now, serialNumber)
parentPort?.postMessage(await made)
