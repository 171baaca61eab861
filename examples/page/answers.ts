/** The values on the shop's page: a few of every kind, read in the same way from the server's SDK and the browser's. */

/** How to read from an SDK for one user. */
export interface Ask {
  readonly gate: (name: string) => boolean
  readonly config: (name: string, parameter: string) => unknown
  readonly experiment: (name: string, parameter: string) => unknown
  readonly layer: (name: string, parameter: string) => unknown
  readonly store: (name: string, parameter: string, fallback: unknown) => unknown
}

/** Values by name. */
export type Answers = Readonly<Record<string, unknown>>

/** Reads everything that the page shows. */
export const answersOf = (ask: Ask): Answers => ({
  new_checkout: ask.gate("new_checkout"),
  apple_pay: ask.gate("apple_pay"),
  search_ranking_v2: ask.gate("search_ranking_v2"),
  "free_shipping_threshold.amount": ask.config("free_shipping_threshold", "amount"),
  "checkout_button.color": ask.experiment("checkout_button", "color"),
  "search_algorithm.algorithm": ask.experiment("search_algorithm", "algorithm"),
  "product_page.gallery": ask.layer("product_page", "gallery"),
  "cart.maxItems": ask.layer("cart", "maxItems"),
  "shop_settings.shop_name": ask.store("shop_settings", "shop_name", ""),
  "shop_settings.checkout_path": ask.store("shop_settings", "checkout_path", ""),
  "shop_settings.free_shipping_from": ask.store("shop_settings", "free_shipping_from", 0),
  "shop_settings.button_color": ask.store("shop_settings", "button_color", ""),
  "shop_settings.gallery": ask.store("shop_settings", "gallery", "")
})
