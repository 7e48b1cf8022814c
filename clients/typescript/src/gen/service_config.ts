// Made by generate.sh of clients/service_config.json; never edited by hand.

export default {
  "loadBalancingConfig": [{ "round_robin": {} }],
  "retryThrottling": { "maxTokens": 100, "tokenRatio": 0.1 },
  "methodConfig": [
    {
      "name": [
        { "service": "endcap.v1.RankingService" },
        { "service": "endcap.v1.EventService" },
        { "service": "endcap.v1.CatalogService" },
        { "service": "endcap.v1.AdminService", "method": "ListStrategies" },
        { "service": "endcap.v1.AdminService", "method": "GetServingState" }
      ],
      "retryPolicy": {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
      }
    }
  ]
} as const;
