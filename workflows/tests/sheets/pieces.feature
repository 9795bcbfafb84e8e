Feature: Chunks, items and secrets in sentences

  Scenario: Chunks are answered one by one
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: pieces, version: 1.0.0 }
      do:
        - each: { call: 'chunks:1.0.0@default', with: { call: 'price:1.0.0@default', parallel: 2, tolerate: { percent: 50 } } }
      """
    And given the chunks are:
      """yaml
      { items: [ a, b, c ], max_items: 2 }
      """
    And each answers chunk 1:
      """yaml
      { sum: 3 }
      """
    And each fails chunk 2 with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a '0.output.sum' property with value:
      """
      3
      """
    And price:1.0.0 should have been called 2 times

  Scenario: So are items
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: pieces, version: 1.0.0 }
      do:
        - each: { call: 'map:1.0.0@default', with: { items: [ 1, 2, 3 ], call: 'price:1.0.0@default', tolerate: { count: 2 } } }
      """
    And each answers item 0:
      """yaml
      5
      """
    And each fails item 1 with error:
      """yaml
      { type: runtime, status: 500 }
      """
    And price:1.0.0 fails when . == 3 with error:
      """yaml
      { type: runtime, status: 501 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - { index: 0, ok: true, output: 5 }
      - { index: 1, ok: false, error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime', status: 500, instance: /do/0/item } }
      - { index: 2, ok: false, error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime', status: 501, instance: /do/0/item } }
      """

  Scenario: Secrets are named
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: pieces, version: 1.0.0 }
      use: { secrets: [ shop, crm ] }
      do:
        - tell: { call: 'tell:1.0.0@default', with: { key: '${ $secrets.shop }', other: '${ $secrets.crm.id }' } }
      """
    And given the secret "shop" is "open sesame"
    And given the secret "crm" is:
      """yaml
      { id: windlass }
      """
    And tell answers when .key == "{secret:shop}":
      """
      {}
      """
    When the workflow is executed
    Then the workflow should complete
    And tell should have been called with:
      """
      { key: '{secret:shop}', other: '{secret:crm.id}' }
      """
