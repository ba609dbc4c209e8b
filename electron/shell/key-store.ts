import { safeStorage } from 'electron'
import type { KeyStore, Logger } from '../platform/ports'

/**
 * The system's key store, asked what it is before anything is trusted to it: without one, Electron on Linux encrypts by a password that everybody knows
 * (`basic_text`). Needs `ready`.
 */
export async function openKeyStore(log: Logger): Promise<KeyStore> {
  const backend = backendName()
  const isAvailable = await safeStorage.isAsyncEncryptionAvailable().catch(() => false)
  if (!isAvailable || backend === 'basic_text' || backend === 'unknown') {
    log.log('warn', 'No key store of the system: secrets lie in files that only this user may read', { backend })
    return { backend: { name: backend, isPlain: true }, cipher: null }
  }
  return {
    backend: { name: backend, isPlain: false },
    cipher: {
      seal: async (value) => (await safeStorage.encryptStringAsync(value)).toString('base64'),
      open: async (sealed) => (await safeStorage.decryptStringAsync(Buffer.from(sealed, 'base64'))).result,
    },
  }
}

function backendName(): string {
  if (process.platform === 'darwin') return 'keychain'
  return process.platform === 'win32' ? 'dpapi' : safeStorage.getSelectedStorageBackend()
}
