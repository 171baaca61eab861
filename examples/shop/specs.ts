/**
 * The Statsig project of a fictional shop: a holdout, segments, gates, dynamic configs, experiments, layers and a
 * parameter store, as its console would publish them.
 */
import type { SpecsPayload } from "statsig-effect/layers/LocalStatsig"
import { makeBuilder } from "./builder.js"

/** The IDs on each ID list in the specs. */
export const idLists: Readonly<Record<string, ReadonlyArray<string>>> = {
  vip_customers: ["customer-00007", "customer-00042", "customer-31337"]
}

const {
  agent,
  bucket,
  condition,
  config,
  everyone,
  experiment,
  fails,
  gate,
  holdout,
  ip,
  layer,
  passes,
  payload,
  segment,
  tier,
  user
} = makeBuilder("shop")

const day = 86_400_000
const midnight = (date: string) => Date.parse(`${date}T00:00:00Z`)
const now = (operator: string, targetValue: number) => condition({ type: "current_time", operator, targetValue })

// Groups of users

holdout("holdout_2025_h2", 5)

segment("employees", {
  rules: [
    { name: "Company address", when: [user("email", "str_ends_with_any", ["@shop.example", "@shop-support.example"])] },
    { name: "Contractors", when: [user("userID", "any", ["contractor-01", "contractor-02", "contractor-07"])] }
  ]
})
segment("loyal_customers", {
  rules: [
    { name: "Many orders", when: [user("orders_count", "gte", 20)] },
    { name: "Great value", when: [user("lifetime_value", "gt", 5_000)] }
  ]
})
segment("vip_customers", {
  rules: [
    {
      name: "On the list",
      when: [condition({ type: "unit_id", operator: "in_segment_list", targetValue: "vip_customers" })]
    }
  ]
})

// Gates

const anyone = (pass: number) => ({ name: "Everyone", when: [everyone], pass })
const heldOut = { name: "Holdout", when: [passes("holdout_2025_h2")], value: false }

gate("new_checkout", {
  rules: [
    heldOut,
    { name: "Employees", when: [passes("segment:employees")] },
    { name: "Staging", when: [tier("staging", "development")] },
    { name: "German-speaking countries", when: [ip("any", ["DE", "AT", "CH"])], pass: 50 },
    anyone(10)
  ]
})
gate("new_search_infra", {
  rules: [{ name: "Not production", when: [tier("staging", "development")] }, anyone(25)]
})
gate("search_ranking_v2", {
  rules: [
    { name: "On the new infrastructure", when: [passes("new_search_infra"), fails("crawler_rendering")], pass: 80 }
  ]
})
gate("free_shipping_banner", {
  rules: [
    { name: "Ships free", when: [ip("any", ["US", "CA", "DE", "GB"]), user("cart_total", "lt", 50)] },
    { name: "Elsewhere", when: [ip("none", ["US", "CA", "DE", "GB"])], pass: 33.33 }
  ]
})
gate("dark_mode", {
  rules: [
    { name: "New app", when: [user("appVersion", "version_gte", "5.0.0")] },
    { name: "Desktop", when: [agent("os_name", "any", ["Windows", "Mac OS X", "Linux"])], pass: 60 }
  ]
})
gate("apple_pay", {
  rules: [
    {
      name: "Safari on Apple",
      when: [
        agent("os_name", "any", ["iOS", "Mac OS X"]),
        agent("browser_name", "any", ["Safari", "Mobile Safari"]),
        agent("browser_version", "version_gte", "11.1")
      ]
    }
  ]
})
gate("outdated_browser_warning", {
  rules: [
    {
      name: "Old Chrome",
      when: [
        agent("browser_name", "any", ["Chrome", "Chrome Mobile"]),
        agent("browser_version", "version_lt", "100.0.0")
      ]
    },
    { name: "Internet Explorer", when: [agent("browser_name", "any", ["IE", "IE Mobile"])] },
    { name: "Old Android", when: [agent("os_name", "any", ["Android"]), agent("os_version", "version_lt", "8")] }
  ]
})
gate("crawler_rendering", {
  idType: "stableID",
  rules: [
    { name: "Bots", when: [agent("browser_name", "any", ["Googlebot", "bingbot", "Applebot", "YandexBot"])] },
    { name: "By name", when: [user("userAgent", "str_contains_any", ["crawler", "headless"])] }
  ]
})
gate("app_update_required", {
  rules: [
    {
      name: "Unsupported versions",
      when: [user("appVersion", "version_lt", "4.0.0"), user("appVersion", "version_neq", "3.9.9")]
    }
  ]
})
gate("gift_cards", { rules: [anyone(100)] })
gate("recommendations", { rules: [], enabled: false })
gate("wishlist_sharing", { rules: [heldOut, anyone(33.33)] })
gate("price_alerts", { idType: "stableID", rules: [anyone(50)] })
gate("loyalty_points", {
  rules: [
    { name: "Loyal", when: [passes("segment:loyal_customers")] },
    { name: "Paying plans", when: [user("plan", "any", ["Plus", "Gold"])], pass: 75 }
  ]
})
gate("vip_lounge", { rules: [{ name: "VIPs", when: [passes("segment:vip_customers")] }] })
gate("staff_discount", {
  rules: [
    {
      name: "Shop staff",
      when: [
        passes("segment:employees"),
        user("department", "any_case_sensitive", ["Payments", "Warehouse", "Support", "Search"])
      ]
    }
  ]
})
gate("b2b_invoicing", {
  idType: "companyID",
  rules: [
    { name: "Business accounts", when: [user("account_type", "eq", "business"), user("tax_id", "neq", null)] },
    { name: "Large teams", when: [user("seats", "gt", 10)], pass: 50 }
  ]
})
gate("net_prices", {
  rules: [
    { name: "Businesses", when: [passes("b2b_invoicing"), user("country", "none", ["US", "CA"])] },
    { name: "Pilot", when: [fails("b2b_invoicing"), user("email", "str_contains_any", ["+net@"])] }
  ]
})
gate("express_delivery", {
  rules: [
    {
      name: "Big baskets",
      when: [user("cart_total", "gte", 50), user("locale", "str_starts_with_any", ["de", "en-US", "en-GB"])]
    },
    { name: "Loyal", when: [passes("segment:loyal_customers")], pass: 40 }
  ]
})
gate("allergen_hints", {
  rules: [
    { name: "Vegan and nut-free", when: [user("dietary", "array_contains_all", ["vegan", "nut-free"])] },
    { name: "Gluten-free", when: [user("dietary", "array_contains_any", ["gluten-free", "celiac"])] },
    { name: "Meat lovers", when: [user("dietary", "array_contains_none", ["vegan", "vegetarian"])], pass: 20 }
  ]
})
gate("photo_reviews", {
  rules: [
    { name: "Makers", when: [user("interests", "array_contains_any", ["kitchen", "garden", "diy"])], pass: 90 },
    { name: "Not only books", when: [user("interests", "not_array_contains_all", ["books"])], pass: 15 }
  ]
})
gate("summer_promo", {
  rules: [
    { name: "Code", when: [user("promo_code", "str_matches", "^SUMMER-20\\d{2}$")] },
    { name: "Invited", when: [user("promo_code", "str_starts_with_any", ["FRIEND-"])], pass: 50 }
  ]
})
gate("onboarding_tour", {
  rules: [
    {
      name: "New customers",
      when: [user("signup_date", "after", midnight("2022-12-31")), user("orders_count", "lte", 10)]
    }
  ]
})
gate("anniversary_gift", {
  rules: [
    { name: "Joined on the day", when: [user("signup_date", "on", midnight("2015-01-01"))] },
    { name: "Early customers", when: [user("signup_date", "before", midnight("2021-01-01"))], pass: 30 }
  ]
})
gate("price_promise", {
  rules: [
    {
      name: "While it lasts",
      when: [now("after", midnight("2024-01-01")), now("before", midnight("2124-01-01"))]
    }
  ]
})
gate("debug_toolbar", {
  rules: [
    { name: "Staff at work", when: [passes("segment:employees"), tier("development", "staging")] },
    { name: "Staff", when: [passes("segment:employees")], pass: 50 }
  ]
})
gate("beta_program", {
  rules: [
    { name: "Beta builds", when: [user("appVersion", "str_contains_any", ["-beta", "-rc"])] },
    {
      name: "Testers",
      when: [user("email", "any", ["priya.k@mail.example", "lou@mail.example", "sam@mail.example"])]
    },
    { name: "Nobody else", when: [user("email", "str_contains_none", ["@"])], value: false }
  ]
})

// Dynamic configs

config(
  "free_shipping_threshold",
  { amount: 59, currency: "EUR", excludes: ["furniture"] },
  {
    rules: [
      { name: "United States", when: [ip("any", ["US"])], value: { amount: 49, currency: "USD", excludes: [] } },
      { name: "Canada", when: [ip("any", ["CA"])], value: { amount: 69, currency: "CAD", excludes: ["furniture"] } },
      { name: "Loyal", when: [passes("segment:loyal_customers")], value: { amount: 0, currency: "EUR", excludes: [] } }
    ]
  }
)
config(
  "search_ranking",
  { model: "bm25", weights: { text: 1, sales: 0.2, margin: 0 }, pageSize: 24 },
  {
    rules: [
      {
        name: "Second generation",
        when: [passes("search_ranking_v2")],
        value: { model: "two-tower-3", weights: { text: 0.7, sales: 0.25, margin: 0.05 }, pageSize: 36 }
      }
    ]
  }
)
config(
  "homepage_banner",
  { title: "Welcome", image: "/banners/default.jpg", link: null },
  {
    rules: [
      {
        name: "Gardeners",
        when: [user("interests", "array_contains_any", ["garden"])],
        value: { title: "Spring is near", image: "/banners/garden.jpg", link: "/c/garden" }
      },
      {
        name: "German",
        when: [user("locale", "str_starts_with_any", ["de"])],
        value: { title: "Willkommen", image: "/banners/de.jpg", link: "/angebote" }
      }
    ]
  }
)
config(
  "payment_providers",
  { providers: ["card", "paypal"], default: "card" },
  {
    rules: [
      {
        name: "Apple",
        when: [passes("apple_pay")],
        value: { providers: ["applepay", "card", "paypal"], default: "applepay" }
      },
      {
        name: "Businesses",
        when: [passes("b2b_invoicing")],
        value: { providers: ["invoice", "card"], default: "invoice" }
      },
      { name: "Brazil", when: [ip("any", ["BR"])], value: { providers: ["pix", "card"], default: "pix" } }
    ]
  }
)
config(
  "rate_limits",
  { searchPerMinute: 60, ordersPerHour: 10 },
  {
    rules: [
      { name: "Development", when: [tier("development")], value: { searchPerMinute: 100_000, ordersPerHour: 100_000 } },
      { name: "Bots", when: [passes("crawler_rendering")], value: { searchPerMinute: 6, ordersPerHour: 0 } },
      { name: "Businesses", when: [passes("b2b_invoicing")], value: { searchPerMinute: 600, ordersPerHour: 200 } }
    ]
  }
)
config(
  "support_contact",
  { email: "help@shop.example", phone: null, chat: false },
  {
    rules: [
      {
        name: "VIPs",
        when: [passes("segment:vip_customers")],
        value: { email: "vip@shop.example", phone: "+1 555 0100", chat: true }
      },
      {
        name: "Gold",
        when: [user("plan", "any", ["gold"])],
        value: { email: "gold@shop.example", phone: null, chat: true }
      }
    ]
  }
)
config(
  "app_versions",
  { minimum: "4.0.0", latest: "5.4.0", nagAfterDays: 30 },
  {
    rules: [
      {
        name: "Old Android",
        when: [agent("os_name", "any", ["Android"]), agent("os_version", "version_lte", "9.99")],
        value: { minimum: "3.8.0", latest: "3.9.9", nagAfterDays: 7 }
      }
    ]
  }
)
config(
  "delivery_slots",
  { hours: [9, 12, 15, 18], sameDay: false, surcharge: { evening: 2.5, weekend: 4 } },
  {
    rules: [
      {
        name: "Express",
        when: [passes("express_delivery")],
        value: { hours: [8, 10, 12, 14, 16, 18, 20], sameDay: true, surcharge: { evening: 0, weekend: 4 } }
      }
    ]
  }
)
config("legal_texts", { terms: "2025-03", privacy: "2025-01" }, { rules: [], enabled: false })

// Experiments without a layer

experiment("checkout_button", {
  defaults: { color: "blue", label: "Buy" },
  groups: [
    { name: "Control", share: 500, value: {} },
    { name: "Green", share: 500, value: { color: "green", label: "Buy now" } }
  ],
  holdouts: ["holdout_2025_h2"]
})
experiment("search_algorithm", {
  defaults: { algorithm: "bm25", semantic: false },
  groups: [
    { name: "Control", share: 334, value: {} },
    { name: "Semantic", share: 333, value: { algorithm: "vector", semantic: true } },
    { name: "Hybrid", share: 333, value: { algorithm: "hybrid", semantic: true } }
  ],
  size: 600,
  holdouts: ["holdout_2025_h2"]
})
experiment("loyalty_tiers", {
  defaults: { tiers: 3, pointsPerEuro: 1 },
  groups: [
    { name: "Three tiers", share: 500, value: {} },
    { name: "Five tiers", share: 500, value: { tiers: 5, pointsPerEuro: 1.5 } }
  ],
  targeting: "segment:loyal_customers"
})
experiment("trial_length", {
  idType: "companyID",
  defaults: { days: 14 },
  groups: [
    { name: "Two weeks", share: 500, value: {} },
    { name: "A month", share: 500, value: { days: 30 } }
  ],
  targeting: "b2b_invoicing"
})
experiment("onboarding_email", {
  defaults: { subject: "Hello", delayHours: 24 },
  groups: [
    { name: "A day later", share: 500, value: {} },
    { name: "At once", share: 500, value: { delayHours: 0 } }
  ],
  active: false
})

// A layer whose rules delegate buckets to experiments

const page = { gallery: "carousel", zoom: false, reviewsFirst: false, reviewCount: 5, relatedProducts: 4 }
experiment("product_page_gallery", {
  idType: "stableID",
  defaults: page,
  groups: [
    { name: "Carousel", share: 500, value: {} },
    { name: "Grid", share: 500, value: { gallery: "grid", zoom: true } }
  ],
  explicitParameters: ["gallery", "zoom"]
})
experiment("product_page_reviews", {
  idType: "stableID",
  defaults: page,
  groups: [
    { name: "Below", share: 500, value: {} },
    { name: "Above", share: 500, value: { reviewsFirst: true, reviewCount: 10 } }
  ],
  explicitParameters: ["reviewsFirst", "reviewCount"],
  holdouts: ["holdout_2025_h2"]
})
const bucketsOfPage = (from: number, to: number) =>
  bucket(
    "product_page",
    "any",
    Array.from({ length: to - from }, (_, index) => from + index),
    "stableID"
  )
layer("product_page", page, {
  idType: "stableID",
  experiments: ["product_page_gallery", "product_page_reviews"],
  rules: [
    { name: "Gallery", when: [bucketsOfPage(0, 400)], configDelegate: "product_page_gallery" },
    { name: "Reviews", when: [bucketsOfPage(400, 800)], configDelegate: "product_page_reviews" }
  ].map(rule => ({ ...rule, value: page }))
})

// A layer that evaluates all its rules and merges the parameters of each

experiment("cart_upsell", {
  defaults: { upsell: "none" },
  groups: [
    { name: "None", share: 500, value: {} },
    { name: "Accessories", share: 500, value: { upsell: "accessories" } }
  ],
  explicitParameters: ["upsell"]
})
experiment("cart_progress", {
  defaults: { progressBar: false, freeShippingHint: false },
  groups: [
    { name: "Plain", share: 500, value: {} },
    { name: "With hint", share: 500, value: { progressBar: true, freeShippingHint: true } }
  ],
  explicitParameters: ["progressBar", "freeShippingHint"],
  targeting: "gift_cards"
})
const cart = { upsell: "none", progressBar: false, freeShippingHint: false, saveForLater: true, maxItems: 50 }
layer("cart", cart, {
  useNewLayerEval: true,
  experiments: ["cart_upsell", "cart_progress"],
  rules: [
    { name: "Upsell", when: [everyone], pass: 60, value: cart, configDelegate: "cart_upsell" },
    { name: "Businesses", when: [passes("b2b_invoicing")], value: { maxItems: 1_000 } },
    { name: "Progress", when: [everyone], pass: 60, value: cart, configDelegate: "cart_progress" }
  ]
})

const shopSettings = {
  targetAppIDs: [],
  version: 12,
  parameters: {
    shop_name: { ref_type: "static", param_type: "string", value: "The Example Shop" },
    opening_hours: { ref_type: "static", param_type: "object", value: { from: 8, to: 20 } },
    checkout_path: {
      ref_type: "gate",
      param_type: "string",
      gate_name: "new_checkout",
      pass_value: "/checkout/v2",
      fail_value: "/checkout"
    },
    free_shipping_from: {
      ref_type: "dynamic_config",
      param_type: "number",
      config_name: "free_shipping_threshold",
      param_name: "amount"
    },
    button_color: {
      ref_type: "experiment",
      param_type: "string",
      experiment_name: "checkout_button",
      param_name: "color"
    },
    gallery: { ref_type: "layer", param_type: "string", layer_name: "product_page", param_name: "gallery" }
  }
}

/** The payload that the shop's SDKs download. */
export const specs: SpecsPayload = payload(midnight("2025-10-09") + day / 2, {
  company_id: "company-of-the-shop",
  response_format: "dcs-v2",
  default_environment: "production",
  id_lists: Object.fromEntries(Object.keys(idLists).map(name => [name, true])),
  param_stores: { shop_settings: shopSettings },
  diagnostics: { initialize: 10_000, dcs: 0, log: 0, get_id_list: 0, download_config_specs: 0 },
  sdk_configs: { sampling_mode: "none", special_case_sampling_rate: 101 },
  sdk_flags: {}
})
