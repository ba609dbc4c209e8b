import { parentPort } from 'node:worker_threads'
import { openRequest } from './decode'
import { OtlpRefusal } from './refusal'
import type { WorkerAnswer, WorkerAsk } from './worker-messages'

// The thread that decodes large requests, see `worker-reader.ts`.

const port = parentPort
if (port === null) throw new Error('This file runs as a worker thread of the OTLP receiver.')

let chunks: ReturnType<typeof openRequest> | null = null

function answerTo(message: WorkerAsk): WorkerAnswer {
  if (message.ask === 'next') {
    const chunk = chunks?.next().value ?? null
    if (chunk === null) chunks = null
    return { answer: 'chunk', chunk }
  }
  try {
    chunks = openRequest(message.request)
    return { answer: 'opened' }
  } catch (error) {
    if (!(error instanceof OtlpRefusal)) throw error
    return { answer: 'refused', status: error.status, message: error.message }
  }
}

port.on('message', (message: WorkerAsk) => port.postMessage(answerTo(message)))
