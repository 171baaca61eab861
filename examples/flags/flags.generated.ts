// Made by statsig-effect generate. Changes are lost when it is made again.
import * as Schema from "effect/Schema"
import { Flag } from "statsig-effect"

/** The feature gates. */
export const gates = {
  allergen_hints: Flag.gate("allergen_hints"),
  anniversary_gift: Flag.gate("anniversary_gift"),
  app_update_required: Flag.gate("app_update_required"),
  apple_pay: Flag.gate("apple_pay"),
  b2b_invoicing: Flag.gate("b2b_invoicing"),
  beta_program: Flag.gate("beta_program"),
  crawler_rendering: Flag.gate("crawler_rendering"),
  dark_mode: Flag.gate("dark_mode"),
  debug_toolbar: Flag.gate("debug_toolbar"),
  express_delivery: Flag.gate("express_delivery"),
  free_shipping_banner: Flag.gate("free_shipping_banner"),
  /** @deprecated Stale: it is open for everyone. */
  gift_cards: Flag.gate("gift_cards"),
  loyalty_points: Flag.gate("loyalty_points"),
  net_prices: Flag.gate("net_prices"),
  new_checkout: Flag.gate("new_checkout"),
  new_search_infra: Flag.gate("new_search_infra"),
  onboarding_tour: Flag.gate("onboarding_tour"),
  outdated_browser_warning: Flag.gate("outdated_browser_warning"),
  photo_reviews: Flag.gate("photo_reviews"),
  price_alerts: Flag.gate("price_alerts"),
  price_promise: Flag.gate("price_promise"),
  /** @deprecated Stale: it is closed for everyone. */
  recommendations: Flag.gate("recommendations"),
  search_ranking_v2: Flag.gate("search_ranking_v2"),
  staff_discount: Flag.gate("staff_discount"),
  summer_promo: Flag.gate("summer_promo"),
  vip_lounge: Flag.gate("vip_lounge"),
  wishlist_sharing: Flag.gate("wishlist_sharing")
}

/** The dynamic configs. */
export const configs = {
  app_versions: Flag.config(
    "app_versions",
    Schema.Struct({ latest: Schema.String, minimum: Schema.String, nagAfterDays: Schema.Number }),
    { latest: "5.4.0", minimum: "4.0.0", nagAfterDays: 30 }
  ),
  delivery_slots: Flag.config(
    "delivery_slots",
    Schema.Struct({
      hours: Schema.Array(Schema.Number),
      sameDay: Schema.Boolean,
      surcharge: Schema.Struct({ evening: Schema.Number, weekend: Schema.Number })
    }),
    { hours: [9, 12, 15, 18], sameDay: false, surcharge: { evening: 2.5, weekend: 4 } }
  ),
  free_shipping_threshold: Flag.config(
    "free_shipping_threshold",
    Schema.Struct({ amount: Schema.Number, currency: Schema.String, excludes: Schema.Array(Schema.String) }),
    { amount: 59, currency: "EUR", excludes: ["furniture"] }
  ),
  homepage_banner: Flag.config(
    "homepage_banner",
    Schema.Struct({ image: Schema.String, link: Schema.NullOr(Schema.String), title: Schema.String }),
    { image: "/banners/default.jpg", link: null, title: "Welcome" }
  ),
  legal_texts: Flag.config(
    "legal_texts",
    Schema.Struct({ privacy: Schema.String, terms: Schema.String }),
    { privacy: "2025-01", terms: "2025-03" }
  ),
  payment_providers: Flag.config(
    "payment_providers",
    Schema.Struct({ default: Schema.String, providers: Schema.Array(Schema.String) }),
    { default: "card", providers: ["card", "paypal"] }
  ),
  rate_limits: Flag.config(
    "rate_limits",
    Schema.Struct({ ordersPerHour: Schema.Number, searchPerMinute: Schema.Number }),
    { ordersPerHour: 10, searchPerMinute: 60 }
  ),
  search_ranking: Flag.config(
    "search_ranking",
    Schema.Struct({
      model: Schema.String,
      pageSize: Schema.Number,
      weights: Schema.Struct({ margin: Schema.Number, sales: Schema.Number, text: Schema.Number })
    }),
    { model: "bm25", pageSize: 24, weights: { margin: 0, sales: 0.2, text: 1 } }
  ),
  support_contact: Flag.config(
    "support_contact",
    Schema.Struct({ chat: Schema.Boolean, email: Schema.String, phone: Schema.NullOr(Schema.String) }),
    { chat: false, email: "help@shop.example", phone: null }
  )
}

/** The experiments, and autotunes. */
export const experiments = {
  /** Groups: "Plain", "With hint". */
  cart_progress: Flag.experiment(
    "cart_progress",
    Schema.Struct({ freeShippingHint: Schema.Boolean, progressBar: Schema.Boolean }),
    { freeShippingHint: false, progressBar: false }
  ),
  /** Groups: "None", "Accessories". */
  cart_upsell: Flag.experiment("cart_upsell", Schema.Struct({ upsell: Schema.String }), { upsell: "none" }),
  /** Groups: "Control", "Green". */
  checkout_button: Flag.experiment(
    "checkout_button",
    Schema.Struct({ color: Schema.String, label: Schema.String }),
    { color: "blue", label: "Buy" }
  ),
  /** Groups: "Three tiers", "Five tiers". */
  loyalty_tiers: Flag.experiment(
    "loyalty_tiers",
    Schema.Struct({ pointsPerEuro: Schema.Number, tiers: Schema.Number }),
    { pointsPerEuro: 1, tiers: 3 }
  ),
  /** Groups: "A day later", "At once". Not running. */
  onboarding_email: Flag.experiment(
    "onboarding_email",
    Schema.Struct({ delayHours: Schema.Number, subject: Schema.String }),
    { delayHours: 24, subject: "Hello" }
  ),
  /** Groups: "Carousel", "Grid". */
  product_page_gallery: Flag.experiment(
    "product_page_gallery",
    Schema.Struct({
      gallery: Schema.String,
      relatedProducts: Schema.Number,
      reviewCount: Schema.Number,
      reviewsFirst: Schema.Boolean,
      zoom: Schema.Boolean
    }),
    { gallery: "carousel", relatedProducts: 4, reviewCount: 5, reviewsFirst: false, zoom: false }
  ),
  /** Groups: "Below", "Above". */
  product_page_reviews: Flag.experiment(
    "product_page_reviews",
    Schema.Struct({
      gallery: Schema.String,
      relatedProducts: Schema.Number,
      reviewCount: Schema.Number,
      reviewsFirst: Schema.Boolean,
      zoom: Schema.Boolean
    }),
    { gallery: "carousel", relatedProducts: 4, reviewCount: 5, reviewsFirst: false, zoom: false }
  ),
  /** Groups: "Control", "Semantic", "Hybrid". */
  search_algorithm: Flag.experiment(
    "search_algorithm",
    Schema.Struct({ algorithm: Schema.String, semantic: Schema.Boolean }),
    { algorithm: "bm25", semantic: false }
  ),
  /** Groups: "Two weeks", "A month". */
  trial_length: Flag.experiment("trial_length", Schema.Struct({ days: Schema.Number }), { days: 14 })
}

/** The layers, parameter by parameter. */
export const layers = {
  cart: {
    freeShippingHint: Flag.layer("cart", "freeShippingHint", Schema.Boolean, false),
    maxItems: Flag.layer("cart", "maxItems", Schema.Number, 50),
    progressBar: Flag.layer("cart", "progressBar", Schema.Boolean, false),
    saveForLater: Flag.layer("cart", "saveForLater", Schema.Boolean, true),
    upsell: Flag.layer("cart", "upsell", Schema.String, "none")
  },
  product_page: {
    gallery: Flag.layer("product_page", "gallery", Schema.String, "carousel"),
    relatedProducts: Flag.layer("product_page", "relatedProducts", Schema.Number, 4),
    reviewCount: Flag.layer("product_page", "reviewCount", Schema.Number, 5),
    reviewsFirst: Flag.layer("product_page", "reviewsFirst", Schema.Boolean, false),
    zoom: Flag.layer("product_page", "zoom", Schema.Boolean, false)
  }
}

/** The parameter stores, parameter by parameter. */
export const parameterStores = {
  shop_settings: {
    button_color: Flag.parameterStore("shop_settings", "button_color", Schema.String, "blue"),
    checkout_path: Flag.parameterStore("shop_settings", "checkout_path", Schema.String, "/checkout"),
    free_shipping_from: Flag.parameterStore("shop_settings", "free_shipping_from", Schema.Number, 59),
    gallery: Flag.parameterStore("shop_settings", "gallery", Schema.String, "carousel"),
    opening_hours: Flag.parameterStore(
      "shop_settings",
      "opening_hours",
      Schema.Struct({ from: Schema.Number, to: Schema.Number }),
      { from: 8, to: 20 }
    ),
    shop_name: Flag.parameterStore("shop_settings", "shop_name", Schema.String, "The Example Shop")
  }
}
