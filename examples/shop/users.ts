/** The shop's visitors, with the fields that Statsig defines. Each one meets other rules of `specs.ts`. */

import type { StatsigUser } from "statsig-effect"

const agents = {
  chromeWindows:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.127 Safari/537.36",
  firefoxLinux: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  safariMac:
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  safariIphone:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  chromeAndroid:
    "Mozilla/5.0 (Linux; Android 9; SM-G960F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.93 Mobile Safari/537.36",
  googlebot: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
}

export const users = {
  /** Not signed in: only the browser's ID. */
  anonymous: {
    customIDs: { stableID: "7c9e6679-7425-40de-944b-e07fc1f90ae7" },
    ip: "73.162.10.20",
    userAgent: agents.chromeWindows,
    locale: "en-US"
  },
  employee: {
    userID: "staff-0017",
    customIDs: { stableID: "1b4e28ba-2fa1-41d2-883f-0016d3cca427" },
    email: "mara@shop.example",
    ip: "91.12.34.56",
    userAgent: agents.firefoxLinux,
    locale: "de-DE",
    custom: { orders_count: 3, plan: "free", signup_date: 1_577_836_800_000 },
    privateAttributes: { department: "Payments" },
    statsigEnvironment: { tier: "staging" }
  },
  germanIphone: {
    userID: "customer-20431",
    customIDs: { stableID: "6fa459ea-ee8a-4ca4-894e-db77e160355e" },
    email: "jonas@mail.example",
    ip: "91.64.12.7",
    userAgent: agents.safariIphone,
    locale: "de-DE",
    appVersion: "5.3.1",
    custom: {
      orders_count: 6,
      cart_total: 74.9,
      plan: "plus",
      interests: ["garden", "kitchen"],
      dietary: ["pescatarian"],
      signup_date: 1_672_531_200
    }
  },
  powerShopper: {
    userID: "customer-00042",
    customIDs: { stableID: "16fd2706-8baf-433b-82eb-8c7fada847da" },
    email: "Priya.K@mail.example",
    ip: "49.36.100.5",
    userAgent: agents.safariMac,
    country: "IN",
    locale: "en-IN",
    appVersion: "5.4.0-beta.2",
    custom: {
      orders_count: 182,
      lifetime_value: 9431.5,
      cart_total: 310,
      plan: "gold",
      interests: ["electronics", "books", "kitchen"],
      dietary: ["vegan", "nut-free"],
      promo_code: "SUMMER-2025",
      signup_date: 1_420_070_400
    }
  },
  businessBuyer: {
    userID: "customer-81100",
    customIDs: { stableID: "886313e1-3b8a-4372-9b90-0c9aee199e5d", companyID: "company-acme" },
    email: "orders@acme.example",
    ip: "185.60.216.35",
    userAgent: agents.chromeWindows,
    country: "GB",
    locale: "en-GB",
    custom: {
      account_type: "business",
      seats: 40,
      orders_count: 24,
      cart_total: 1200,
      plan: "plus",
      tax_id: "GB123456789"
    }
  },
  /** On the ID list `vip_customers`. */
  vip: {
    userID: "customer-00007",
    customIDs: { stableID: "a8098c1a-f86e-41da-bd1a-00112444be1e" },
    email: "Lou@Mail.example",
    ip: "24.48.0.1",
    userAgent: agents.safariIphone,
    country: "CA",
    locale: "fr-CA",
    appVersion: "5.3.1",
    custom: { orders_count: 12, lifetime_value: 20_400, cart_total: 34.5, plan: "gold", interests: ["travel"] }
  },
  /** An old telephone with an old version of the app; in the holdout. */
  oldAndroid: {
    userID: "customer-66024",
    customIDs: { stableID: "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d" },
    ip: "200.160.2.3",
    userAgent: agents.chromeAndroid,
    locale: "pt-BR",
    appVersion: "3.9.0",
    custom: { orders_count: 0, plan: "free", interests: [], dietary: ["gluten-free"] }
  },
  bot: {
    customIDs: { stableID: "00000000-0000-4000-a000-000000000000" },
    ip: "66.249.66.1",
    userAgent: agents.googlebot
  }
} satisfies Record<string, StatsigUser.StatsigUserInput>
