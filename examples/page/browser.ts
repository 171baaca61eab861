/** The script of the page: starts the client and writes its values next to the server's. */
import { askClient } from "./client.js"

declare const document: {
  getElementById(id: string): { textContent: string }
}

const { answers, reason } = askClient(document.getElementById("statsig-values").textContent)
for (const [name, value] of Object.entries(answers)) {
  document.getElementById(`client:${name}`).textContent = JSON.stringify(value)
}
document.getElementById("reason").textContent = reason
